//! Numbers from any distribution of the `rand` crate.
//!
//! They are drawn on the host, one after the other in row-major order, and uploaded: unlike those of
//! [`Generator`](crate::Generator) they depend on the generator given and on what was drawn from it
//! before, and large tensors take the host's time. They too are the same on every device.

use rand::Rng;
use rand::distr::Distribution;

use crate::dtype::Element;
use crate::error::Result;
use crate::layout::Layout;

use super::creation::from_vec;
use super::read::reserve;
use super::sizes::{IntoSizes, new_shape};
use super::{Options, Tensor};

/// A tensor of numbers drawn from a distribution of the `rand` crate (0.10), in row-major order.
///
/// The dtype is that of the numbers, unless the options name one. They are drawn on the host; for
/// numbers that are made where the tensor lives see [`rand()`](crate::rand()) and its kin.
///
/// # Errors
/// As [`empty`](crate::empty()); `OutOfMemory`.
///
/// # Example
/// ```
/// use rand::{SeedableRng, distr::Uniform, rngs::StdRng};
/// let die = Uniform::new_inclusive(1, 6).expect("1 is less than 6");
/// let rolls = taut::sample::<i32>(die, &mut StdRng::seed_from_u64(7), [2, 50], ())?;
/// assert_eq!(rolls.shape(), [2, 50]);
/// assert!(rolls.to_vec::<i32>()?.iter().all(|roll| (1..=6).contains(roll)));
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn sample<T: Element>(
    distribution: impl Distribution<T>,
    rng: &mut (impl Rng + ?Sized),
    shape: impl IntoSizes,
    options: impl Into<Options>,
) -> Result<Tensor> {
    let layout = Layout::contiguous(&new_shape(shape)?)?;
    let mut elements = Vec::new();
    reserve(&mut elements, layout.len())?;
    elements.extend((0..layout.len()).map(|_| distribution.sample(rng)));
    from_vec(elements, layout, options.into())
}

impl Tensor {
    /// Sets every element to a number drawn from a distribution, see [`sample`](crate::sample); the
    /// numbers are cast to the tensor's dtype, as [`copy_`](Self::copy_) casts.
    ///
    /// # Errors
    /// As [`copy_`](Self::copy_); `OutOfMemory`.
    ///
    /// # Example
    /// ```
    /// use rand::{SeedableRng, distr::StandardUniform, rngs::StdRng};
    /// let x = taut::zeros([3, 4], ())?;
    /// x.t()?.sample_::<f32>(StandardUniform, &mut StdRng::seed_from_u64(7))?;
    /// let again = taut::sample::<f32>(StandardUniform, &mut StdRng::seed_from_u64(7), [4, 3], ())?;
    /// assert_eq!(x.t()?.to_vec::<f32>()?, again.to_vec::<f32>()?);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn sample_<T: Element>(
        &self,
        distribution: impl Distribution<T>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<&Self> {
        self.copy_(&sample(distribution, rng, self.shape(), ())?)
    }
}
