//! Pure index arithmetic.
