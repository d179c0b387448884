//! Tensors of numbers from the distributions of the `rand` crate.

use rand::distr::{Bernoulli, Distribution, Uniform};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use taut::{DType, ErrorKind, Result};

use crate::common::devices;

fn seeded() -> StdRng {
    StdRng::seed_from_u64(1)
}

#[test]
fn sample_draws_in_row_major_order_on_every_device() -> Result<()> {
    let between = Uniform::new(-2.0f64, 3.0).unwrap();
    let expected: Vec<f64> = between.sample_iter(seeded()).take(6).collect();
    let x = taut::sample::<f64>(between, &mut seeded(), [2, 3], ())?;
    assert_eq!((x.dtype(), x.to_vec::<f64>()?), (DType::F64, expected.clone()));
    let narrow: Vec<f32> = expected.iter().map(|&v| v as f32).collect();
    for device in devices() {
        let x = taut::sample::<f64>(between, &mut seeded(), [2, 3], (DType::F32, device))?;
        assert_eq!((x.device(), x.to_vec::<f32>()?), (device, narrow.clone()));
    }
    Ok(())
}

#[test]
fn sample_goes_on_where_the_generator_is() -> Result<()> {
    let coin = Bernoulli::new(0.5).unwrap();
    let rng = &mut seeded();
    let [first, second] = [(); 2].map(|()| taut::sample::<bool>(coin, rng, [40], ()));
    let mut both = first?.to_vec::<bool>()?;
    both.extend(second?.to_vec::<bool>()?);
    assert_eq!(both, coin.sample_iter(seeded()).take(80).collect::<Vec<_>>());
    Ok(())
}

/// A distribution of a user's own.
struct Squares;

impl Distribution<i16> for Squares {
    fn sample<R: rand::Rng + ?Sized>(&self, rng: &mut R) -> i16 {
        rng.random_range(0..10i16).pow(2)
    }
}

#[test]
fn sample_in_place_writes_through_views_and_casts() -> Result<()> {
    for device in devices() {
        let x = taut::full([2, 3], -1, (DType::F32, device))?;
        x.i((.., 1..))?.sample_(Squares, &mut seeded())?;
        let expected: Vec<i16> = Squares.sample_iter(seeded()).take(4).collect();
        let expected: Vec<f32> = expected.into_iter().map(f32::from).collect();
        assert_eq!(
            x.to_vec::<f32>()?,
            [-1.0, expected[0], expected[1], -1.0, expected[2], expected[3]]
        );
    }
    Ok(())
}

#[test]
fn sample_of_impossible_sizes_is_an_error() {
    let draw = |sizes: [i64; 2]| taut::sample::<i16>(Squares, &mut seeded(), sizes, ());
    assert_eq!(draw([-1, 2]).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(draw([1 << 32, 1 << 32]).unwrap_err().kind(), ErrorKind::Shape);
    assert_eq!(draw([1 << 30, 1 << 30]).unwrap_err().kind(), ErrorKind::Memory);
    assert!(draw([0, 5]).is_ok());
}
