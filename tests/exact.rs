//! What compilers of shaders like to change: every float operation rounds once, as written.

mod common;

use std::f32::consts::{FRAC_PI_2, PI};

use common::devices;
use taut::{Result, Tensor};

fn floats(values: &[f32], device: taut::Device) -> Result<Tensor> {
    taut::tensor(values, device)
}

fn bits(tensor: &Tensor) -> Result<Vec<u32>> {
    Ok(tensor.to_vec::<f32>()?.into_iter().map(f32::to_bits).collect())
}

const X: [f32; 6] = [1e8, 1.0, 16_777_216.0, 0.1, -3.0, 1e-40];
const Y: [f32; 6] = [1.0, 1e8, 1.0, 0.7, 1e-7, 1e-41];

#[test]
fn difference_of_a_value_with_itself_is_nan_for_nan_and_infinity() -> Result<()> {
    for device in devices() {
        let x = floats(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0], device)?;
        let difference = x.sub(&x)?.to_vec::<f32>()?;
        assert!(difference[..3].iter().all(|v| v.is_nan()), "{device}: {difference:?}");
        assert_eq!(difference[3], 0.0, "{device}");
        x.sub_(&x.alias())?;
        assert!(x.to_vec::<f32>()?[0].is_nan(), "{device}, in place");
    }
    Ok(())
}

#[test]
fn sum_minus_an_addend_is_computed_as_written() -> Result<()> {
    let expected: Vec<u32> = X.iter().zip(Y).map(|(x, y)| ((x + y) - y).to_bits()).collect();
    assert_ne!(expected, X.map(f32::to_bits), "the inputs must tell");
    for device in devices() {
        let (x, y) = (floats(&X, device)?, floats(&Y, device)?);
        assert_eq!(bits(&x.add(&y)?.sub(&y)?)?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn product_less_its_rounded_self_is_zero() -> Result<()> {
    let factors = [1.0 + f32::powi(2.0, -12), 1.1, 0.3, 12_345.678];
    let products = factors.map(|v| v * v);
    let left: Vec<f32> = factors.iter().zip(products).map(|(v, p)| v.mul_add(*v, -p)).collect();
    assert!(left.iter().all(|&v| v != 0.0), "a fused form must show: {left:?}");
    for device in devices() {
        let (x, p) = (floats(&factors, device)?, floats(&products, device)?);
        assert_eq!(x.mul(&x)?.sub(&p)?.to_vec::<f32>()?, [0.0; 4], "{device}");
    }
    Ok(())
}

#[test]
fn quotient_and_root_are_correctly_rounded() -> Result<()> {
    let quotients: Vec<u32> = X.iter().zip(Y).map(|(x, y)| (x / y).to_bits()).collect();
    let roots: Vec<u32> = Y.map(|y| y.sqrt().to_bits()).into();
    for device in devices() {
        let (x, y) = (floats(&X, device)?, floats(&Y, device)?);
        assert_eq!(bits(&x.div(&y)?)?, quotients, "{device}");
        assert_eq!(bits(&y.sqrt()?)?, roots, "{device}");
    }
    Ok(())
}

// PyTorch's results, recorded by hand.

#[test]
fn fmin_and_fmax_take_the_number_and_the_first_of_equal_zeros() -> Result<()> {
    const NAN: f32 = f32::NAN;
    for device in devices() {
        let x = floats(&[1.0, NAN, NAN, 0.0, -0.0, 3.0, -f32::INFINITY], device)?;
        let y = floats(&[NAN, 2.0, NAN, -0.0, 0.0, 5.0, NAN], device)?;
        let least = x.fmin(&y)?.to_vec::<f32>()?;
        let most = x.fmax(&y)?.to_vec::<f32>()?;
        assert!(least[2].is_nan() && most[2].is_nan(), "{device}");
        let bits = |values: &[f32]| -> Vec<u32> {
            values.iter().filter(|v| !v.is_nan()).map(|v| v.to_bits()).collect()
        };
        assert_eq!(bits(&least), bits(&[1.0, 2.0, 0.0, -0.0, 3.0, -f32::INFINITY]), "{device}");
        assert_eq!(bits(&most), bits(&[1.0, 2.0, 0.0, -0.0, 5.0, -f32::INFINITY]), "{device}");

        let (i, j) = (taut::tensor([3, -4], device)?, taut::tensor([-1, 2], device)?);
        assert_eq!(i.fmin(&j)?.to_vec::<i32>()?, [-1, -4], "{device}");
        assert_eq!(i.fmax(&j)?.to_vec::<i32>()?, [3, 2], "{device}");
        let (yes, no) = (taut::tensor([true], device)?, taut::tensor([false], device)?);
        assert_eq!(yes.fmax(&no)?.to_vec::<bool>()?, [true], "{device}");
        assert_eq!(yes.fmin(&no)?.to_vec::<bool>()?, [false], "{device}");
    }
    Ok(())
}

#[test]
fn degrees_and_radians_are_one_product() -> Result<()> {
    let x = [180.0, -90.0, f32::INFINITY, 1e-45, -0.0, 1.0];
    let radians = [PI, -FRAC_PI_2, f32::INFINITY, 0.0, -0.0, 0.017_453_292];
    let degrees = [10_313.24, -5_156.62, f32::INFINITY, 8e-44, -0.0, 57.295_78];
    for device in devices() {
        let x = floats(&x, device)?;
        assert_eq!(bits(&x.deg2rad()?)?, radians.map(f32::to_bits), "{device}");
        assert_eq!(bits(&x.rad2deg()?)?, degrees.map(f32::to_bits), "{device}");
        let whole = taut::tensor([180, 0], device)?.deg2rad()?;
        assert_eq!(bits(&whole)?, [radians[0].to_bits(), 0], "{device}");
        assert!(x.mul(0)?.add(f32::NAN)?.rad2deg()?.to_vec::<f32>()?[0].is_nan(), "{device}");
    }
    Ok(())
}

#[test]
fn operations_on_transposed_operands_are_those_of_each_element() -> Result<()> {
    // Blocks of whole rows and of others, in the cache and past it; rows that begin with lines and within.
    for (rows, columns) in [(96, 64), (70, 100), (40, 176), (65, 65), (2048, 1040), (1030, 2050)] {
        let numbers: Vec<f32> =
            (0..rows * columns).map(|i| (i % 8191) as f32 * 0.37 - 11.0).collect();
        for device in devices() {
            let a = floats(&numbers, device)?.view([rows as i64, columns as i64])?;
            let b = floats(&numbers, device)?.mul(3)?.view([columns as i64, rows as i64])?;
            let (row, column) = (a.narrow(0, 0, 1)?, a.narrow(1, 0, 1)?);
            let sum = a.add(&b.t()?)?;
            let several = a.sub(&b.t()?)?.mul(&row)?.add(&column)?.mul(0.5)?.square()?;
            let in_place = a.clone();
            in_place.add_(&b.t()?)?;
            // Not every GPU has it.
            let wide = a.to(taut::DType::F64).and_then(|a| a.add(&b.t()?)?.to_vec::<f64>());
            let (sum, several) = (sum.to_vec::<f32>()?, several.to_vec::<f32>()?);
            let in_place = in_place.to_vec::<f32>()?;
            for i in 0..rows * columns {
                let (r, c) = (i / columns, i % columns);
                let (x, y) = (numbers[i], numbers[c * rows + r] * 3.0);
                let more = ((x - y) * numbers[c] + numbers[r * columns]) * 0.5;
                let expected = [x + y, more * more, x + y];
                assert_eq!(
                    [sum[i], several[i], in_place[i]],
                    expected,
                    "{device}, {rows} {columns}, {i}"
                );
                if let Ok(wide) = &wide {
                    assert_eq!(
                        wide[i],
                        f64::from(x) + f64::from(y),
                        "{device}, {rows} {columns}, {i}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// Numbers of many magnitudes, whose sum depends on the order.
fn mixed(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 8191) as f32 * 10_f32.powi((i * 31 % 13) as i32 - 6)).collect()
}

#[test]
fn folds_of_permuted_tensors_have_the_bits_of_those_of_their_memory() -> Result<()> {
    for device in devices() {
        let a = floats(&mixed(37 * 5000), device)?.view([37, 5000])?;
        let t = a.t()?;
        let same = |ours: Tensor, theirs: Tensor, what: &str| -> Result<()> {
            assert_eq!(bits(&ours)?, bits(&theirs)?, "{device}, {what}");
            Ok(())
        };
        same(t.sum(0)?, a.sum(1)?, "rows")?;
        same(t.sum(1)?, a.sum(0)?, "columns")?;
        same(t.sum(())?, a.sum(())?, "all")?;
        same(t.mean(0)?, a.mean(1)?, "mean")?;
        same(t.var(0)?, a.var(1)?, "var")?;
        same(t.softmax(0)?, a.softmax(1)?.t()?, "softmax")?;
        // The order makes a difference at all, and this is the shape's where the memory's is another.
        assert_ne!(bits(&t.sum(0)?)?, bits(&t.contiguous()?.sum(0)?)?, "{device}");
        let v = a.view([37, 40, 125])?;
        let p = v.permute([2, 0, 1])?;
        same(p.sum(0)?, v.sum(2)?, "last")?;
        same(p.sum(1)?, v.sum(0)?.t()?, "first")?;
        same(p.sum([0, 1])?, v.sum([0, 2])?, "first and last")?;
        same(p.prod(2)?, v.prod(1)?.t()?, "products")?;
        // What an operation before it in the same kernel gives is as permuted.
        let (fused, stored) = (t.mul(3)?.sum(0)?, t.mul(3)?);
        stored.eval()?;
        same(fused, stored.sum(0)?, "fused")?;
        let drawn = taut::rand([37, 5000], device)?.t()?;
        same(drawn.mul(&t)?.sum(0)?, drawn.mul(&t)?.t()?.sum(1)?, "random")?;
    }
    Ok(())
}

#[test]
fn exact_products_have_the_same_bits_whatever_the_layout() -> Result<()> {
    for device in devices() {
        let a = floats(&mixed(37 * 5000), device)?.view([5000, 37])?.t()?;
        for columns in [1, 3] {
            let b = floats(&mixed(5000 * columns), device)?.view([columns as i64, 5000])?.t()?;
            let product = bits(&a.matmul_exact(&b)?)?;
            assert_eq!(
                product,
                bits(&a.contiguous()?.matmul_exact(&b.contiguous()?)?)?,
                "{device}"
            );
        }
    }
    Ok(())
}

#[test]
fn places_of_extremes_are_those_of_the_shape() -> Result<()> {
    for device in devices() {
        let a = taut::tensor([[1, 7, 3], [7, 0, 7]], device)?;
        let t = a.t()?;
        assert_eq!(t.argmax(0)?.to_vec::<i64>()?, [1, 0], "{device}");
        assert_eq!(t.argmax(1)?.to_vec::<i64>()?, [1, 0, 1], "{device}");
        // (0, 1) comes before (1, 0), which comes first in memory.
        assert_eq!(t.argmax(())?.item::<i64>()?, 1, "{device}");
        assert_eq!(t.argmin(())?.item::<i64>()?, 3, "{device}");
        assert_eq!(t.cumsum(0)?.tolist()?, a.cumsum(1)?.t()?.tolist()?, "{device}");
    }
    Ok(())
}

#[test]
fn extremes_of_many_are_found_wherever_they_are_and_nan_is_beyond() -> Result<()> {
    for device in devices() {
        for len in [5000_usize, 65_536] {
            let mut numbers: Vec<f32> = (0..len).map(|i| -((i * 7919 % 8191) as f32)).collect();
            numbers[len - 3] = 9.5;
            assert_eq!(floats(&numbers, device)?.amax(())?.item::<f32>()?, 9.5, "{device}");
            let least = numbers.iter().copied().fold(0.0, f32::min);
            assert_eq!(floats(&numbers, device)?.amin(())?.item::<f32>()?, least, "{device}");
            for place in [0, 1, 255, 256, len - 1] {
                let mut numbers = numbers.clone();
                numbers[place] = f32::NAN;
                assert!(floats(&numbers, device)?.amax(())?.item::<f32>()?.is_nan(), "{device}");
                assert!(floats(&numbers, device)?.amin(())?.item::<f32>()?.is_nan(), "{device}");
            }
        }
    }
    Ok(())
}

#[test]
fn folds_have_the_same_bits_on_the_device_that_a_tensor_moves_to() -> Result<()> {
    let a = floats(&mixed(37 * 5000), taut::Device::Cpu)?;
    let matrix = a.view([37, 5000])?;
    let views = [
        matrix.t()?.unsqueeze(0)?.expand([2, 5000, 37])?,
        matrix.unsqueeze(2)?.expand([37, 5000, 2])?.permute([1, 2, 0])?,
        a.narrow(0, 0, 5002)?.unfold(0, 5000, 1)?,
        matrix.t()?.narrow(0, 1, 4990)?,
        a.as_strided([3, 4000, 4], [7, 1, 4000], 5)?,
    ];
    for (number, view) in views.iter().enumerate() {
        for dim in 0..view.dim() as i64 {
            let sum = bits(&view.sum(dim)?)?;
            assert_eq!(bits(&view.clone().sum(dim)?)?, sum, "{number} {dim}, cloned");
            for device in devices() {
                assert_eq!(bits(&view.to(device)?.sum(dim)?)?, sum, "{number} {dim}, {device}");
            }
        }
    }
    Ok(())
}

#[test]
fn ranges_are_computed_from_their_ends_and_rounded_as_said() -> Result<()> {
    let same = |got: &[f32], expected: &dyn Fn(usize) -> f32, what: &str| {
        for (i, got) in got.iter().enumerate() {
            assert_eq!(got.to_bits(), expected(i).to_bits(), "{what}, element {i}");
        }
    };
    for device in devices() {
        let range = taut::arange_step(-3.7, 5000.0, 0.013, device)?.to_vec::<f32>()?;
        assert_eq!(range.len(), 384_900);
        same(&range, &|i| (-3.7 + i as f64 * 0.013) as f32, "a range");
        for len in [3, 4, 63, 1000, 70_001] {
            let points = taut::linspace(-1.3, 2.7, len, device)?.to_vec::<f32>()?;
            let step = (2.7f32 as f64 - -1.3f32 as f64) / (len - 1) as f64;
            let offset = |steps: usize| (f64::from(step as f32) * steps as f64) as f32;
            let point = |i: usize| match len as usize {
                len if i < len / 2 => -1.3 + offset(i),
                len => 2.7 - offset(len - 1 - i),
            };
            assert_eq!(points.len(), len as usize);
            same(&points, &point, "points");
        }
        for (len, expected) in [(0, &[][..]), (1, &[2.0]), (2, &[2.0, 3.0])] {
            assert_eq!(taut::linspace(2, 3, len, device)?.to_vec::<f32>()?, expected);
        }
        assert!(taut::arange_step(1.5, 1.5, 1.0, device)?.to_vec::<f32>()?.is_empty());
        let bytes =
            |start: f64, end: f64, len| taut::linspace(start, end, len, (taut::DType::U8, device));
        assert!(matches!(bytes(0.0, 300.0, 5), Err(taut::Error::Value(_))));
        assert!(matches!(bytes(300.0, 0.0, 1), Err(taut::Error::Value(_))));
        assert_eq!(bytes(9.0, 300.0, 1)?.to_vec::<u8>()?, [9]);
        assert!(bytes(0.0, 300.0, 0)?.to_vec::<u8>()?.is_empty());
        let eye = taut::eye(70, 300, device)?.to_vec::<f32>()?;
        assert_eq!(eye.len(), 21_000);
        assert!(eye.iter().enumerate().all(|(i, &v)| v == f32::from(i / 300 == i % 300)));
        assert!(taut::eye(0, 3, device)?.to_vec::<f32>()?.is_empty());
    }
    Ok(())
}

#[test]
fn triangles_are_cut_at_any_diagonal_of_small_and_of_long_matrices() -> Result<()> {
    let shapes = [[0, 3], [3, 0], [1, 1], [7, 9], [9, 7], [2, 5000], [5000, 2]];
    let diagonals = [0, 1, -1, 6, -7, 4998, -4999, 1 << 31, -(1 << 31), i64::MAX, i64::MIN];
    for device in devices() {
        for [rows, columns] in shapes {
            let ones = taut::ones([rows, columns], device)?;
            for diagonal in diagonals {
                let lower = ones.tril(diagonal)?.to_vec::<f32>()?;
                let upper = ones.triu(diagonal)?.to_vec::<f32>()?;
                assert_eq!(lower.len() as i64, rows * columns);
                for (i, (&lower, &upper)) in lower.iter().zip(&upper).enumerate() {
                    let off = i as i64 % columns - i as i64 / columns;
                    let expected = [off <= diagonal, off >= diagonal]
                        .map(|is_kept| f32::from(u8::from(is_kept)));
                    assert_eq!([lower, upper], expected, "{rows} {columns} {diagonal} {i}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn integers_to_a_number_wrap_as_products_do() -> Result<()> {
    let bases: Vec<i64> = (-300..300).chain([i64::MAX, i64::MIN, 1 << 33]).collect();
    for device in devices() {
        let wide = taut::tensor(&bases[..], device)?;
        let narrow = wide.to(taut::DType::I8)?;
        for exponent in [0, 1, 2, 3, 5, 16, 31, 63, 64, 65, 1000_i64] {
            let expected: Vec<i64> =
                bases.iter().map(|base| base.wrapping_pow(exponent as u32)).collect();
            assert_eq!(wide.pow(exponent)?.to_vec::<i64>()?, expected, "{device}, {exponent}");
            if exponent > i64::from(i8::MAX) {
                continue;
            }
            let expected: Vec<i8> =
                bases.iter().map(|&base| (base as i8).wrapping_pow(exponent as u32)).collect();
            assert_eq!(narrow.pow(exponent)?.to_vec::<i8>()?, expected, "{device}, {exponent}");
        }
    }
    Ok(())
}

#[test]
fn not_numbers_become_numbers_with_and_without_bounds_of_the_dtype() -> Result<()> {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MAX, -1e-45, 3.0];
    for device in devices() {
        let x = floats(&values, device)?;
        let expect = |nan: f32, high: f32, low: f32| {
            [nan, high, low, -0.0, f32::MAX, -1e-45, 3.0].map(f32::to_bits)
        };
        let given = x.nan_to_num(None, None, None)?;
        assert_eq!(bits(&given)?, expect(0.0, f32::MAX, f32::MIN), "{device}");
        let given = x.nan_to_num(Some(7.0), Some(8.0), None)?;
        assert_eq!(bits(&given)?, expect(7.0, 8.0, f32::MIN), "{device}");
        let given = x.nan_to_num(Some(f64::INFINITY), None, Some(-9.0))?;
        assert_eq!(bits(&given)?, expect(f32::INFINITY, f32::MAX, -9.0), "{device}");
    }
    Ok(())
}
