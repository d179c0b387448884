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
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, -2.0], ())?;
            /// assert_eq!(x.neg()?.to_vec::<f32>()?, [-1.0, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
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
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([2.0f32, -4.0], ())?;
            /// assert_eq!(x.reciprocal()?.to_vec::<f32>()?, [0.5, -0.25]);
            /// # Ok::<(), taut::Error>(())
            /// ```
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
            /// Degrees in radians.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 180.0], ())?;
            /// assert_eq!(x.deg2rad()?.to_vec::<f32>()?, [0.0, std::f32::consts::PI]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            DegToRad deg2rad deg2rad_ unary float same {
                float [crate::math::arithmetic::deg2rad] int [] bool []
            }
            /// Radians in degrees.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0, std::f64::consts::PI], ())?;
            /// assert_eq!(x.rad2deg()?.to_vec::<f64>()?, [0.0, 180.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            RadToDeg rad2deg rad2deg_ unary float same {
                float [crate::math::arithmetic::rad2deg] int [] bool []
            }
            /// The square root, correctly rounded.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([4.0f32, 9.0], ())?;
            /// assert_eq!(x.sqrt()?.to_vec::<f32>()?, [2.0, 3.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Sqrt sqrt sqrt_ unary float same {
                float [crate::math::arithmetic::sqrt] int [] bool []
            }
            /// Linear interpolation from the first to the second argument.
            Lerp lerp lerp_ ternary custom same {
                float [crate::math::arithmetic::lerp] int [] bool []
            }
            /// The magnitude.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([-1.5f32, 2.0], ())?;
            /// assert_eq!(x.abs()?.to_vec::<f32>()?, [1.5, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Abs abs abs_ unary promote same {
                float [crate::math::compare::abs] int [crate::math::compare::int_abs] bool []
            }
            /// -1, 0 or 1; 0 for NaN.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([-3.0f32, 0.0], ())?;
            /// assert_eq!(x.sign()?.to_vec::<f32>()?, [-1.0, 0.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Sign sign sign_ unary promote same {
                float [crate::math::compare::sign]
                int [crate::math::compare::int_sign]
                bool [crate::math::rounding::int_whole]
            }
            /// The first with the sign of the second.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 2.0], ())?;
            /// let y = taut::tensor([-1.0f32, -1.0], ())?;
            /// assert_eq!(x.copysign(&y)?.to_vec::<f32>()?, [-1.0, -2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Copysign copysign copysign_ binary float same {
                float [crate::math::compare::copysign] int [] bool []
            }
            /// The smaller; NaN if either is.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 4.0], ())?;
            /// let y = taut::tensor([2.0f32, 2.0], ())?;
            /// assert_eq!(x.minimum(&y)?.to_vec::<f32>()?, [1.0, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Minimum minimum none binary promote same {
                float [crate::math::compare::minimum]
                int [crate::math::compare::int_minimum]
                bool [crate::math::logic::and]
            }
            /// The larger; NaN if either is.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 4.0], ())?;
            /// let y = taut::tensor([2.0f32, 2.0], ())?;
            /// assert_eq!(x.maximum(&y)?.to_vec::<f32>()?, [2.0, 4.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Maximum maximum none binary promote same {
                float [crate::math::compare::maximum]
                int [crate::math::compare::int_maximum]
                bool [crate::math::logic::or]
            }
            /// The smaller; the other where one is NaN.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0, f32::NAN], ())?;
            /// assert_eq!(x.fmin(2.0)?.to_vec::<f32>()?, [1.0, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Fmin fmin none binary promote same {
                float [crate::math::compare::fmin]
                int [crate::math::compare::int_minimum]
                bool [crate::math::logic::and]
            }
            /// The larger; the other where one is NaN.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0, f32::NAN], ())?;
            /// assert_eq!(x.fmax(2.0)?.to_vec::<f32>()?, [2.0, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Fmax fmax none binary promote same {
                float [crate::math::compare::fmax]
                int [crate::math::compare::int_maximum]
                bool [crate::math::logic::or]
            }
            /// The first between the second and the third; the third where they cross.
            Clamp clamp clamp_ ternary custom same {
                float [crate::math::compare::clamp] int [crate::math::compare::int_clamp] bool []
            }
            /// Zero where negative.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([-1.0f32, 2.0], ())?;
            /// assert_eq!(x.relu()?.to_vec::<f32>()?, [0.0, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Relu relu relu_ unary promote same {
                float [crate::math::compare::relu] int [crate::math::compare::int_relu] bool []
            }
            /// Whether the first equals the second.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 2.0], ())?;
            /// assert_eq!(x.eq(2)?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Eq eq eq_ binary promote mask {
                float [crate::math::compare::eq]
                int [crate::math::compare::int_eq]
                bool [crate::math::compare::int_eq]
            }
            /// Whether the first differs from the second.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 2.0], ())?;
            /// assert_eq!(x.ne(2)?.to_vec::<bool>()?, [true, false]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Ne ne ne_ binary promote mask {
                float [crate::math::compare::ne]
                int [crate::math::compare::int_ne]
                bool [crate::math::compare::int_ne]
            }
            /// Whether the first is less than the second.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 2.0], ())?;
            /// assert_eq!(x.lt(2)?.to_vec::<bool>()?, [true, false]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Lt lt lt_ binary promote mask {
                float [crate::math::compare::lt]
                int [crate::math::compare::int_lt]
                bool [crate::math::compare::int_lt]
            }
            /// Whether the first is at most the second.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 3.0], ())?;
            /// assert_eq!(x.le(2)?.to_vec::<bool>()?, [true, false]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Le le le_ binary promote mask {
                float [crate::math::compare::le]
                int [crate::math::compare::int_le]
                bool [crate::math::compare::int_le]
            }
            /// Whether the first is greater than the second.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 3.0], ())?;
            /// assert_eq!(x.gt(2)?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Gt gt gt_ binary promote mask {
                float [crate::math::compare::gt]
                int [crate::math::compare::int_gt]
                bool [crate::math::compare::int_gt]
            }
            /// Whether the first is at least the second.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 2.0], ())?;
            /// assert_eq!(x.ge(2)?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Ge ge ge_ binary promote mask {
                float [crate::math::compare::ge]
                int [crate::math::compare::int_ge]
                bool [crate::math::compare::int_ge]
            }
            /// Whether NaN.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0, f32::NAN], ())?;
            /// assert_eq!(x.isnan()?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            IsNan isnan none unary promote mask {
                float [crate::math::compare::isnan]
                int [crate::math::compare::int_never]
                bool [crate::math::compare::int_never]
            }
            /// Whether infinite.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0, f32::INFINITY], ())?;
            /// assert_eq!(x.isinf()?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            IsInf isinf none unary promote mask {
                float [crate::math::compare::isinf]
                int [crate::math::compare::int_never]
                bool [crate::math::compare::int_never]
            }
            /// Whether neither infinite nor NaN.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0, f32::INFINITY], ())?;
            /// assert_eq!(x.isfinite()?.to_vec::<bool>()?, [true, false]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            IsFinite isfinite none unary promote mask {
                float [crate::math::compare::isfinite]
                int [crate::math::compare::int_always]
                bool [crate::math::compare::int_always]
            }
            /// Whether the sign bit is set, of zeros and NaN too.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, -0.0], ())?;
            /// assert_eq!(x.signbit()?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Signbit signbit none unary promote mask {
                float [crate::math::compare::signbit] int [crate::math::compare::int_signbit] bool []
            }
            /// And of truth values.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0, 2], ())?;
            /// let y = taut::tensor([true, true], ())?;
            /// assert_eq!(x.logical_and(&y)?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            LogicalAnd logical_and logical_and_ binary truth same {
                float [] int [] bool [crate::math::logic::and]
            }
            /// Or of truth values.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0, 2], ())?;
            /// let y = taut::tensor([false, false], ())?;
            /// assert_eq!(x.logical_or(&y)?.to_vec::<bool>()?, [false, true]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            LogicalOr logical_or logical_or_ binary truth same {
                float [] int [] bool [crate::math::logic::or]
            }
            /// Xor of truth values.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0, 2], ())?;
            /// let y = taut::tensor([true, true], ())?;
            /// assert_eq!(x.logical_xor(&y)?.to_vec::<bool>()?, [true, false]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            LogicalXor logical_xor logical_xor_ binary truth same {
                float [] int [] bool [crate::math::logic::xor]
            }
            /// Not of a truth value.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0, 2], ())?;
            /// assert_eq!(x.logical_not()?.to_vec::<bool>()?, [true, false]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            LogicalNot logical_not logical_not_ unary truth same {
                float [] int [] bool [crate::math::logic::bool_not]
            }
            /// And of bits.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([5, 6], ())?;
            /// assert_eq!(x.bitwise_and(3)?.to_vec::<i32>()?, [1, 2]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            BitwiseAnd bitwise_and bitwise_and_ binary promote same {
                float [] int [crate::math::logic::and] bool [crate::math::logic::and]
            }
            /// Or of bits.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([5, 6], ())?;
            /// assert_eq!(x.bitwise_or(3)?.to_vec::<i32>()?, [7, 7]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            BitwiseOr bitwise_or bitwise_or_ binary promote same {
                float [] int [crate::math::logic::or] bool [crate::math::logic::or]
            }
            /// Xor of bits.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([5, 6], ())?;
            /// assert_eq!(x.bitwise_xor(3)?.to_vec::<i32>()?, [6, 5]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            BitwiseXor bitwise_xor bitwise_xor_ binary promote same {
                float [] int [crate::math::logic::xor] bool [crate::math::logic::xor]
            }
            /// Not of bits.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0, 5], ())?;
            /// assert_eq!(x.bitwise_not()?.to_vec::<i32>()?, [-1, -6]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            BitwiseNot bitwise_not bitwise_not_ unary promote same {
                float [] int [crate::math::logic::not] bool [crate::math::logic::bool_not]
            }
            /// Bits shifted up; zero when all are shifted out.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1, 3], ())?;
            /// assert_eq!(x.bitwise_left_shift(2)?.to_vec::<i32>()?, [4, 12]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            ShiftLeft bitwise_left_shift bitwise_left_shift_ binary promote same {
                float [] int [crate::math::logic::shift_left] bool []
            }
            /// Bits shifted down, the sign following.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([8, -8], ())?;
            /// assert_eq!(x.bitwise_right_shift(2)?.to_vec::<i32>()?, [2, -2]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            ShiftRight bitwise_right_shift bitwise_right_shift_ binary promote same {
                float [] int [crate::math::logic::shift_right] bool []
            }
            /// The whole number next towards minus infinity.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.5f32, -1.5], ())?;
            /// assert_eq!(x.floor()?.to_vec::<f32>()?, [1.0, -2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Floor floor floor_ unary promote same {
                float [crate::math::rounding::floor]
                int [crate::math::rounding::int_whole]
                bool []
            }
            /// The whole number next towards infinity.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.5f32, -1.5], ())?;
            /// assert_eq!(x.ceil()?.to_vec::<f32>()?, [2.0, -1.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Ceil ceil ceil_ unary promote same {
                float [crate::math::rounding::ceil] int [crate::math::rounding::int_whole] bool []
            }
            /// The whole number next towards zero.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.5f32, -1.5], ())?;
            /// assert_eq!(x.trunc()?.to_vec::<f32>()?, [1.0, -1.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Trunc trunc trunc_ unary promote same {
                float [crate::math::rounding::trunc]
                int [crate::math::rounding::int_whole]
                bool []
            }
            /// The nearest whole number, the even one of two.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.5f32, 1.5], ())?;
            /// assert_eq!(x.round()?.to_vec::<f32>()?, [0.0, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Round round round_ unary promote same {
                float [crate::math::rounding::round]
                int [crate::math::rounding::int_whole]
                bool []
            }
            /// What truncation takes away.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.5f32, -1.25], ())?;
            /// assert_eq!(x.frac()?.to_vec::<f32>()?, [0.5, -0.25]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Frac frac frac_ unary promote same {
                float [crate::math::rounding::frac] int [] bool []
            }
            /// `e^x`.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, f32::NEG_INFINITY], ())?;
            /// assert_eq!(x.exp()?.to_vec::<f32>()?, [1.0, 0.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Exp exp exp_ unary float same {
                float [crate::math::exp::exp] int [] bool []
            }
            /// `2^x`.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([3.0f32, -1.0], ())?;
            /// assert_eq!(x.exp2()?.to_vec::<f32>()?, [8.0, 0.5]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Exp2 exp2 exp2_ unary float same {
                float [crate::math::exp::exp2] int [] bool []
            }
            /// `e^x - 1`, exact near zero.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, f32::NEG_INFINITY], ())?;
            /// assert_eq!(x.expm1()?.to_vec::<f32>()?, [0.0, -1.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Expm1 expm1 expm1_ unary float same {
                float [crate::math::exp::expm1] int [] bool []
            }
            /// The natural logarithm.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 0.0], ())?;
            /// assert_eq!(x.log()?.to_vec::<f32>()?, [0.0, f32::NEG_INFINITY]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Log log log_ unary float same {
                float [crate::math::log::log] int [] bool []
            }
            /// `log(1 + x)`, exact near zero.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, -1.0], ())?;
            /// assert_eq!(x.log1p()?.to_vec::<f32>()?, [0.0, f32::NEG_INFINITY]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Log1p log1p log1p_ unary float same {
                float [crate::math::log::log1p] int [] bool []
            }
            /// The logarithm to base 2.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([8.0f32, 0.5], ())?;
            /// assert_eq!(x.log2()?.to_vec::<f32>()?, [3.0, -1.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Log2 log2 log2_ unary float same {
                float [crate::math::log::log2] int [] bool []
            }
            /// The logarithm to base 10.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1000.0f32, 1.0], ())?;
            /// assert_eq!(x.log10()?.to_vec::<f32>()?, [3.0, 0.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Log10 log10 log10_ unary float same {
                float [crate::math::log::log10] int [] bool []
            }
            /// The reciprocal of the square root.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([4.0f32, 0.25], ())?;
            /// assert_eq!(x.rsqrt()?.to_vec::<f32>()?, [0.5, 2.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Rsqrt rsqrt rsqrt_ unary float same {
                float [crate::math::power::rsqrt] int [] bool []
            }
            /// The sine.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.sin()?.to_vec::<f32>()?, [0.0, 0.84147096]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Sin sin sin_ unary float same {
                float [crate::math::trig::sin] int [] bool []
            }
            /// The cosine.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.cos()?.to_vec::<f32>()?, [1.0, 0.54030234]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Cos cos cos_ unary float same {
                float [crate::math::trig::cos] int [] bool []
            }
            /// The tangent.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.tan()?.to_vec::<f32>()?, [0.0, 1.5574077]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Tan tan tan_ unary float same {
                float [crate::math::trig::tan] int [] bool []
            }
            /// The inverse sine.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.asin()?.to_vec::<f32>()?, [0.0, 1.5707964]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Asin asin asin_ unary float same {
                float [crate::math::inverse_trig::asin] int [] bool []
            }
            /// The inverse cosine.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([1.0f32, 0.0], ())?;
            /// assert_eq!(x.acos()?.to_vec::<f32>()?, [0.0, 1.5707964]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Acos acos acos_ unary float same {
                float [crate::math::inverse_trig::acos] int [] bool []
            }
            /// The inverse tangent.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.atan()?.to_vec::<f32>()?, [0.0, 0.7853982]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Atan atan atan_ unary float same {
                float [crate::math::inverse_trig::atan] int [] bool []
            }
            /// The hyperbolic sine.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.sinh()?.to_vec::<f32>()?, [0.0, 1.1752012]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Sinh sinh sinh_ unary float same {
                float [crate::math::hyperbolic::sinh] int [] bool []
            }
            /// The hyperbolic cosine.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.cosh()?.to_vec::<f32>()?, [1.0, 1.5430807]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Cosh cosh cosh_ unary float same {
                float [crate::math::hyperbolic::cosh] int [] bool []
            }
            /// The hyperbolic tangent.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// assert_eq!(x.tanh()?.to_vec::<f32>()?, [0.0, 0.7615942]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Tanh tanh tanh_ unary float same {
                float [crate::math::hyperbolic::tanh] int [] bool []
            }
            /// `1 / (1 + e^-x)`.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, f32::INFINITY], ())?;
            /// assert_eq!(x.sigmoid()?.to_vec::<f32>()?, [0.5, 1.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Sigmoid sigmoid sigmoid_ unary float same {
                float [crate::math::hyperbolic::sigmoid] int [] bool []
            }
            /// `x / (1 + e^-x)`.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, f32::INFINITY], ())?;
            /// assert_eq!(x.silu()?.to_vec::<f32>()?, [0.0, f32::INFINITY]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Silu silu none unary promote same {
                float [crate::math::hyperbolic::silu] int [] bool []
            }
            /// `log(1 + e^x)`; `x` above 20.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, f32::NEG_INFINITY], ())?;
            /// assert_eq!(x.softplus()?.to_vec::<f32>()?, [0.6931472, 0.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Softplus softplus none unary promote same {
                float [crate::math::hyperbolic::softplus] int [] bool []
            }
            /// The error function.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, f32::INFINITY], ())?;
            /// assert_eq!(x.erf()?.to_vec::<f32>()?, [0.0, 1.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Erf erf erf_ unary float same {
                float [crate::math::erf::erf] int [] bool []
            }
            /// `x Φ(x)` with the normal distribution Φ.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, f32::INFINITY], ())?;
            /// assert_eq!(x.gelu()?.to_vec::<f32>()?, [0.0, f32::INFINITY]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Gelu gelu none unary promote same {
                float [crate::math::erf::gelu] int [] bool []
            }
            /// The first to the power of the second.
            Pow pow pow_ binary custom same {
                float [crate::math::power::pow] int [crate::math::power::int_pow] bool []
            }
            /// The angle of the point `(x, y)`, given `y` first.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([0.0f32, 1.0], ())?;
            /// let y = taut::tensor([1.0f32, 1.0], ())?;
            /// assert_eq!(x.atan2(&y)?.to_vec::<f32>()?, [0.0, 0.7853982]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Atan2 atan2 atan2_ binary float same {
                float [crate::math::inverse_trig::atan2] int [] bool []
            }
            /// The hypotenuse.
            ///
            /// Float32 within 1 ULP, float64 within 2, the halves rounded once from float32.
            ///
            /// # Example
            /// ```
            /// let x = taut::tensor([3.0f32, 5.0], ())?;
            /// let y = taut::tensor([4.0f32, 12.0], ())?;
            /// assert_eq!(x.hypot(&y)?.to_vec::<f32>()?, [5.0, 13.0]);
            /// # Ok::<(), taut::Error>(())
            /// ```
            Hypot hypot hypot_ binary promote same {
                float [crate::math::power::hypot] int [] bool []
            }
        }
    };
}

pub(crate) use op_table;
