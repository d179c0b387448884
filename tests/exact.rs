//! What compilers of shaders like to change: every float operation rounds once, as written.

mod common;

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
