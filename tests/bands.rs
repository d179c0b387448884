//! Kernels over the same rows, which the CPU runs together, leave the bits that they leave one by one.
//!
//! The tensors are large enough for that: 2.4 MB.

use taut::{DType, ErrorKind, Generator, Result, Tensor, dims, tensor, zeros};

const ROWS: usize = 600;

/// Normalizes rows, takes their softmax, changes them in place; `step` sees what comes of each step.
fn program(x: &Tensor, step: impl Fn(&Tensor) -> Result<()>) -> Result<Vec<Vec<u32>>> {
    let mean = x.mean(dims(-1).keepdim())?;
    step(&mean)?;
    let centered = x.sub(&mean)?;
    step(&centered)?;
    let deviation = centered.square()?.sum(dims(-1).keepdim())?.add(1e-5)?.sqrt()?;
    step(&deviation)?;
    let scaled = centered.div(&deviation)?;
    step(&scaled)?;
    let softmax = scaled.softmax(-1)?;
    let first = x.argmax(-1)?.to(DType::F32)?;
    // Refused when it runs, beside kernels that wait.
    let refused = tensor([6, 1], ())?.remainder(&zeros([2], DType::I32)?)?;
    // Written in place after it was read, with what the row before has.
    scaled.narrow(0, 1, ROWS as i64 - 1)?.mul_(&softmax.narrow(0, 0, ROWS as i64 - 1)?)?;
    let error = refused.to_vec::<i32>().expect_err("a zero divisor");
    assert_eq!(error.kind(), ErrorKind::Value);
    let bits = |tensor: &Tensor| -> Result<Vec<u32>> {
        Ok(tensor.to_vec::<f32>()?.into_iter().map(f32::to_bits).collect())
    };
    [&mean, &deviation, &softmax, &scaled, &first].into_iter().map(bits).collect()
}

#[test]
fn kernels_over_rows_give_the_same_together_and_one_by_one() -> Result<()> {
    let x = Generator::new(7).rand([ROWS as i64, 1000], ())?.sub(0.5)?;
    let together = program(&x, |_| Ok(()))?;
    let one_by_one = program(&x, |tensor| tensor.eval().map(|_| ()))?;
    assert!(together == one_by_one);
    // The sums of a softmax's rows are 1, but for rounding.
    let softmax: Vec<f32> = together[2].iter().map(|&bits| f32::from_bits(bits)).collect();
    for row in softmax.chunks(1000) {
        let sum: f64 = row.iter().map(|&value| f64::from(value)).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
    Ok(())
}
