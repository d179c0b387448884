//! The table of element-wise operations. Note [Rows] in the parent module is its grammar.

/// Hands every row to the macro named by the argument.
///
/// One expansion, for the row of `neg`: `callback! { /// The negative. Neg neg unary promote same {
/// float [crate::math::arithmetic::neg] int [crate::math::arithmetic::int_neg] bool [] } … }`.
macro_rules! op_table {
    ($callback:ident) => {
        $callback! {
            /// The sum.
            Add add binary promote same {
                float [crate::math::arithmetic::add]
                int [crate::math::arithmetic::int_add]
                bool [crate::math::logic::or]
            }
            /// The difference.
            Sub sub binary promote same {
                float [crate::math::arithmetic::sub]
                int [crate::math::arithmetic::int_sub]
                bool []
            }
            /// The product.
            Mul mul binary promote same {
                float [crate::math::arithmetic::mul]
                int [crate::math::arithmetic::int_mul]
                bool [crate::math::logic::and]
            }
            /// The quotient.
            Div div binary float same {
                float [crate::math::arithmetic::div] int [] bool []
            }
            /// The quotient rounded towards zero.
            DivTrunc div_trunc binary promote same {
                float [crate::math::arithmetic::div_trunc]
                int [crate::math::arithmetic::int_div_trunc]
                bool []
            }
            /// The quotient rounded towards minus infinity.
            DivFloor div_floor binary promote same {
                float [crate::math::arithmetic::div_floor]
                int [crate::math::arithmetic::int_div_floor]
                bool []
            }
            /// The negative.
            Neg neg unary promote same {
                float [crate::math::arithmetic::neg]
                int [crate::math::arithmetic::int_neg]
                bool []
            }
            /// The reciprocal.
            Reciprocal reciprocal unary float same {
                float [crate::math::arithmetic::reciprocal] int [] bool []
            }
        }
    };
}

pub(crate) use op_table;
