//! What each operation computes, once, generic over a small algebra.
//!
//! Owns [`algebra`], the traits that the functions are written in, and the functions themselves.
//! Instantiated with `f32`, `f64`, `i32`, `i64` a function is branch-free Rust that vectorises;
//! instantiated with the symbols of `emit` it is WGSL text. One source, two readings: the bits agree
//! by construction, because every algebra operation is exact or correctly rounded and nothing here
//! uses `fma`.
//!
//! Must not know tensors, layouts or backends.

pub(crate) mod algebra;
pub(crate) mod arithmetic;
pub(crate) mod bits;
pub(crate) mod compare;
pub(crate) mod emit;
pub(crate) mod erf;
pub(crate) mod exp;
pub(crate) mod fmod;
pub(crate) mod half;
mod halves;
pub(crate) mod hyperbolic;
pub(crate) mod inverse_trig;
pub(crate) mod log;
pub(crate) mod logic;
mod pair;
pub(crate) mod power;
mod reduction;
pub(crate) mod rounding;
pub(crate) mod short;
pub(crate) mod trig;
pub(crate) mod turns;

#[cfg(test)]
mod accuracy_tests;
