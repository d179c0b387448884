//! The table of element-wise operations. Note [Rows] in the parent module is its grammar.

/// Hands every row to the macro named by the argument.
///
/// One expansion, for the row of `neg`: `callback! { /// The negative. Neg neg unary promote same {
/// float [crate::math::arithmetic::neg] int [crate::math::arithmetic::int_neg] bool [] } … }`.
macro_rules! op_table {
    ($callback:ident) => {
        $callback! {
            /// The sum.
            Add add add_ binary custom same {
                float [crate::math::arithmetic::add]
                int [crate::math::arithmetic::int_add]
                bool [crate::math::logic::or]
            }
            /// The difference.
            Sub sub sub_ binary custom same {
                float [crate::math::arithmetic::sub]
                int [crate::math::arithmetic::int_sub]
                bool []
            }
            /// The product.
            Mul mul mul_ binary custom same {
                float [crate::math::arithmetic::mul]
                int [crate::math::arithmetic::int_mul]
                bool [crate::math::logic::and]
            }
            /// The quotient.
            Div div div_ binary custom same {
                float [crate::math::arithmetic::div] int [] bool []
            }
            /// The quotient rounded towards zero.
            DivTrunc div_trunc div_trunc_ binary custom same {
                float [crate::math::arithmetic::div_trunc]
                int [crate::math::arithmetic::int_div_trunc]
                bool []
            }
            /// The quotient rounded towards minus infinity.
            DivFloor div_floor div_floor_ binary custom same {
                float [crate::math::arithmetic::div_floor]
                int [crate::math::arithmetic::int_div_floor]
                bool []
            }
            /// The negative.
            Neg neg neg_ unary promote same {
                float [crate::math::arithmetic::neg]
                int [crate::math::arithmetic::int_neg]
                bool []
            }
            /// The bits shifted right, zeros entering.
            ShiftRightLogical shift_right_logical none binary custom same {
                float [] int [crate::math::logic::shift_right_logical] bool []
            }
            /// The upper half of the double-width product of two unsigned numbers.
            MulHigh mul_high none binary custom same {
                float [] int [crate::math::logic::mul_high] bool []
            }
            /// The reciprocal.
            Reciprocal reciprocal reciprocal_ unary float same {
                float [crate::math::arithmetic::reciprocal] int [] bool []
            }
        }
    };
}

pub(crate) use op_table;
