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
                float [] int [crate::math::bits::shift_right_logical] bool []
            }
            /// The upper half of the double-width product of two unsigned numbers.
            MulHigh mul_high none binary custom same {
                float [] int [crate::math::bits::mul_high] bool []
            }
            /// The reciprocal.
            Reciprocal reciprocal reciprocal_ unary float same {
                float [crate::math::arithmetic::reciprocal] int [] bool []
            }
            /// The remainder with the sign of the dividend.
            Fmod fmod fmod_ binary custom same {
                float [crate::math::arithmetic::fmod]
                int [crate::math::arithmetic::int_fmod]
                bool []
            }
            /// The remainder with the sign of the divisor.
            Remainder remainder remainder_ binary custom same {
                float [crate::math::arithmetic::remainder]
                int [crate::math::arithmetic::int_remainder]
                bool []
            }
            /// The square.
            Square square square_ unary custom same {
                float [crate::math::arithmetic::square]
                int [crate::math::arithmetic::int_square]
                bool []
            }
            /// The square root, correctly rounded.
            Sqrt sqrt sqrt_ unary float same {
                float [crate::math::arithmetic::sqrt] int [] bool []
            }
            /// Linear interpolation from the first to the second argument.
            Lerp lerp lerp_ ternary custom same {
                float [crate::math::arithmetic::lerp] int [] bool []
            }
            /// The magnitude.
            Abs abs abs_ unary promote same {
                float [crate::math::compare::abs] int [crate::math::compare::int_abs] bool []
            }
            /// -1, 0 or 1; 0 for NaN.
            Sign sign sign_ unary promote same {
                float [crate::math::compare::sign]
                int [crate::math::compare::int_sign]
                bool [crate::math::rounding::int_whole]
            }
            /// The first with the sign of the second.
            Copysign copysign copysign_ binary float same {
                float [crate::math::compare::copysign] int [] bool []
            }
            /// The smaller; NaN if either is.
            Minimum minimum none binary promote same {
                float [crate::math::compare::minimum]
                int [crate::math::compare::int_minimum]
                bool [crate::math::logic::and]
            }
            /// The larger; NaN if either is.
            Maximum maximum none binary promote same {
                float [crate::math::compare::maximum]
                int [crate::math::compare::int_maximum]
                bool [crate::math::logic::or]
            }
            /// The first between the second and the third; the third where they cross.
            Clamp clamp clamp_ ternary custom same {
                float [crate::math::compare::clamp] int [crate::math::compare::int_clamp] bool []
            }
            /// Zero where negative.
            Relu relu relu_ unary promote same {
                float [crate::math::compare::relu] int [crate::math::compare::int_relu] bool []
            }
            /// Whether the first equals the second.
            Eq eq eq_ binary promote mask {
                float [crate::math::compare::eq]
                int [crate::math::compare::int_eq]
                bool [crate::math::compare::int_eq]
            }
            /// Whether the first differs from the second.
            Ne ne ne_ binary promote mask {
                float [crate::math::compare::ne]
                int [crate::math::compare::int_ne]
                bool [crate::math::compare::int_ne]
            }
            /// Whether the first is less than the second.
            Lt lt lt_ binary promote mask {
                float [crate::math::compare::lt]
                int [crate::math::compare::int_lt]
                bool [crate::math::compare::int_lt]
            }
            /// Whether the first is at most the second.
            Le le le_ binary promote mask {
                float [crate::math::compare::le]
                int [crate::math::compare::int_le]
                bool [crate::math::compare::int_le]
            }
            /// Whether the first is greater than the second.
            Gt gt gt_ binary promote mask {
                float [crate::math::compare::gt]
                int [crate::math::compare::int_gt]
                bool [crate::math::compare::int_gt]
            }
            /// Whether the first is at least the second.
            Ge ge ge_ binary promote mask {
                float [crate::math::compare::ge]
                int [crate::math::compare::int_ge]
                bool [crate::math::compare::int_ge]
            }
            /// Whether NaN.
            IsNan isnan none unary promote mask {
                float [crate::math::compare::isnan]
                int [crate::math::compare::int_never]
                bool [crate::math::compare::int_never]
            }
            /// Whether infinite.
            IsInf isinf none unary promote mask {
                float [crate::math::compare::isinf]
                int [crate::math::compare::int_never]
                bool [crate::math::compare::int_never]
            }
            /// Whether neither infinite nor NaN.
            IsFinite isfinite none unary promote mask {
                float [crate::math::compare::isfinite]
                int [crate::math::compare::int_always]
                bool [crate::math::compare::int_always]
            }
            /// And of truth values.
            LogicalAnd logical_and logical_and_ binary truth same {
                float [] int [] bool [crate::math::logic::and]
            }
            /// Or of truth values.
            LogicalOr logical_or logical_or_ binary truth same {
                float [] int [] bool [crate::math::logic::or]
            }
            /// Xor of truth values.
            LogicalXor logical_xor logical_xor_ binary truth same {
                float [] int [] bool [crate::math::logic::xor]
            }
            /// Not of a truth value.
            LogicalNot logical_not logical_not_ unary truth same {
                float [] int [] bool [crate::math::logic::bool_not]
            }
            /// And of bits.
            BitwiseAnd bitwise_and bitwise_and_ binary promote same {
                float [] int [crate::math::logic::and] bool [crate::math::logic::and]
            }
            /// Or of bits.
            BitwiseOr bitwise_or bitwise_or_ binary promote same {
                float [] int [crate::math::logic::or] bool [crate::math::logic::or]
            }
            /// Xor of bits.
            BitwiseXor bitwise_xor bitwise_xor_ binary promote same {
                float [] int [crate::math::logic::xor] bool [crate::math::logic::xor]
            }
            /// Not of bits.
            BitwiseNot bitwise_not bitwise_not_ unary promote same {
                float [] int [crate::math::logic::not] bool [crate::math::logic::bool_not]
            }
            /// Bits shifted up; zero when all are shifted out.
            ShiftLeft bitwise_left_shift bitwise_left_shift_ binary promote same {
                float [] int [crate::math::logic::shift_left] bool []
            }
            /// Bits shifted down, the sign following.
            ShiftRight bitwise_right_shift bitwise_right_shift_ binary promote same {
                float [] int [crate::math::logic::shift_right] bool []
            }
            /// The whole number next towards minus infinity.
            Floor floor floor_ unary promote same {
                float [crate::math::rounding::floor]
                int [crate::math::rounding::int_whole]
                bool []
            }
            /// The whole number next towards infinity.
            Ceil ceil ceil_ unary promote same {
                float [crate::math::rounding::ceil] int [crate::math::rounding::int_whole] bool []
            }
            /// The whole number next towards zero.
            Trunc trunc trunc_ unary promote same {
                float [crate::math::rounding::trunc]
                int [crate::math::rounding::int_whole]
                bool []
            }
            /// The nearest whole number, the even one of two.
            Round round round_ unary promote same {
                float [crate::math::rounding::round]
                int [crate::math::rounding::int_whole]
                bool []
            }
            /// What truncation takes away.
            Frac frac frac_ unary promote same {
                float [crate::math::rounding::frac] int [] bool []
            }
            /// `e^x`.
            Exp exp exp_ unary float same {
                float [crate::math::exp::exp] int [] bool []
            }
            /// `2^x`.
            Exp2 exp2 exp2_ unary float same {
                float [crate::math::exp::exp2] int [] bool []
            }
            /// `e^x - 1`, exact near zero.
            Expm1 expm1 expm1_ unary float same {
                float [crate::math::exp::expm1] int [] bool []
            }
            /// The natural logarithm.
            Log log log_ unary float same {
                float [crate::math::log::log] int [] bool []
            }
            /// `log(1 + x)`, exact near zero.
            Log1p log1p log1p_ unary float same {
                float [crate::math::log::log1p] int [] bool []
            }
            /// The logarithm to base 2.
            Log2 log2 log2_ unary float same {
                float [crate::math::log::log2] int [] bool []
            }
            /// The logarithm to base 10.
            Log10 log10 log10_ unary float same {
                float [crate::math::log::log10] int [] bool []
            }
            /// The reciprocal of the square root.
            Rsqrt rsqrt rsqrt_ unary float same {
                float [crate::math::power::rsqrt] int [] bool []
            }
            /// The sine.
            Sin sin sin_ unary float same {
                float [crate::math::trig::sin] int [] bool []
            }
            /// The cosine.
            Cos cos cos_ unary float same {
                float [crate::math::trig::cos] int [] bool []
            }
            /// The tangent.
            Tan tan tan_ unary float same {
                float [crate::math::trig::tan] int [] bool []
            }
            /// The inverse sine.
            Asin asin asin_ unary float same {
                float [crate::math::inverse_trig::asin] int [] bool []
            }
            /// The inverse cosine.
            Acos acos acos_ unary float same {
                float [crate::math::inverse_trig::acos] int [] bool []
            }
            /// The inverse tangent.
            Atan atan atan_ unary float same {
                float [crate::math::inverse_trig::atan] int [] bool []
            }
            /// The hyperbolic sine.
            Sinh sinh sinh_ unary float same {
                float [crate::math::hyperbolic::sinh] int [] bool []
            }
            /// The hyperbolic cosine.
            Cosh cosh cosh_ unary float same {
                float [crate::math::hyperbolic::cosh] int [] bool []
            }
            /// The hyperbolic tangent.
            Tanh tanh tanh_ unary float same {
                float [crate::math::hyperbolic::tanh] int [] bool []
            }
            /// `1 / (1 + e^-x)`.
            Sigmoid sigmoid sigmoid_ unary float same {
                float [crate::math::hyperbolic::sigmoid] int [] bool []
            }
            /// `x / (1 + e^-x)`.
            Silu silu none unary promote same {
                float [crate::math::hyperbolic::silu] int [] bool []
            }
            /// `log(1 + e^x)`; `x` above 20.
            Softplus softplus none unary promote same {
                float [crate::math::hyperbolic::softplus] int [] bool []
            }
            /// The error function.
            Erf erf erf_ unary float same {
                float [crate::math::erf::erf] int [] bool []
            }
            /// `x Φ(x)` with the normal distribution Φ.
            Gelu gelu none unary promote same {
                float [crate::math::erf::gelu] int [] bool []
            }
            /// The first to the power of the second.
            Pow pow pow_ binary custom same {
                float [crate::math::power::pow] int [crate::math::power::int_pow] bool []
            }
            /// The angle of the point `(x, y)`, given `y` first.
            Atan2 atan2 atan2_ binary float same {
                float [crate::math::inverse_trig::atan2] int [] bool []
            }
            /// The hypotenuse.
            Hypot hypot hypot_ binary promote same {
                float [crate::math::power::hypot] int [] bool []
            }
        }
    };
}

pub(crate) use op_table;
