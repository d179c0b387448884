//! Data that becomes a tensor by copying: numbers, nested arrays and lists, ndarray's arrays.

use ndarray::{ArrayBase, Dimension};

use crate::dtype::Element;
use crate::error::{Error, Result};
use crate::kernel::Dims;
use crate::layout::Layout;

use super::creation::from_slice;
use super::{Options, Tensor};

/// What [`tensor`](fn@tensor) copies from: a number, an array, slice or `Vec` of such, any nesting of
/// these, a [`HostArray`](crate::HostArray), an ndarray array.
pub trait Data {
    /// The type of the elements; it decides the dtype.
    type Element: Element;

    /// The sizes of the nested dimensions, outermost first.
    ///
    /// # Errors
    /// `Shape` when parts of one dimension differ in size.
    fn sizes(&self) -> Result<Vec<usize>>;

    /// Appends the elements in row-major order.
    ///
    /// # Errors
    /// `Value` when the data cannot be read at the moment.
    fn append_to(&self, elements: &mut Vec<Self::Element>) -> Result<()>;
}

impl<T: Element> Data for T {
    type Element = T;

    fn sizes(&self) -> Result<Vec<usize>> {
        Ok(Vec::new())
    }

    fn append_to(&self, elements: &mut Vec<T>) -> Result<()> {
        elements.push(*self);
        Ok(())
    }
}

impl<D: Data> Data for [D] {
    type Element = D::Element;

    fn sizes(&self) -> Result<Vec<usize>> {
        let mut sizes = vec![self.len()];
        let Some((first, rest)) = self.split_first() else { return Ok(sizes) };
        let inner = first.sizes()?;
        for part in rest {
            let other = part.sizes()?;
            if other != inner {
                return Err(Error::shape(format!(
                    "expected sequences of one shape, but got {inner:?} and {other:?} side by side"
                )));
            }
        }
        sizes.extend(inner);
        Ok(sizes)
    }

    fn append_to(&self, elements: &mut Vec<D::Element>) -> Result<()> {
        self.iter().try_for_each(|part| part.append_to(elements))
    }
}

macro_rules! as_slices {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<D: Data, $($generics)*> Data for $type {
            type Element = D::Element;

            fn sizes(&self) -> Result<Vec<usize>> {
                self[..].sizes()
            }

            fn append_to(&self, elements: &mut Vec<D::Element>) -> Result<()> {
                self[..].append_to(elements)
            }
        }
    )*};
}

as_slices! {
    [const N: usize] [D; N];
    [const N: usize] &[D; N];
    [] &[D];
    [] Vec<D>;
    [] &Vec<D>;
}

macro_rules! arrays {
    ($($type:ty)*) => {$(
        impl<T: Element, S: ndarray::Data<Elem = T>, D: Dimension> Data for $type {
            type Element = T;

            fn sizes(&self) -> Result<Vec<usize>> {
                Ok(self.shape().to_vec())
            }

            fn append_to(&self, elements: &mut Vec<T>) -> Result<()> {
                elements.extend(self.iter());
                Ok(())
            }
        }
    )*};
}

arrays! { ArrayBase<S, D> &ArrayBase<S, D> }

/// A tensor with a copy of the data.
///
/// Its dtype is the element type (float64 and int32 for bare literals); a dtype among the options
/// converts before the upload. To share memory instead, see [`from_numpy`](crate::from_numpy).
///
/// # Errors
/// `Shape` when parts of one dimension differ in size or the elements do not fit in memory, `Device` when
/// the device lacks the dtype.
///
/// # Example
/// ```
/// use taut::DType;
/// let x = taut::tensor([[1.0f32, 2.0], [3.0, 4.0]], ())?;
/// assert_eq!(x.shape(), [2, 2]);
/// assert_eq!(taut::tensor(vec![1, 2], DType::F16)?.dtype(), DType::F16);
/// assert_eq!(taut::tensor(true, ())?.item::<bool>()?, true);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn tensor(data: impl Data, options: impl Into<Options>) -> Result<Tensor> {
    let sizes: Dims = data.sizes()?.into_iter().collect();
    // A broadcast array has more elements than memory.
    let len = Layout::contiguous(&sizes)?.len();
    let mut elements = Vec::new();
    elements
        .try_reserve_exact(len)
        .map_err(|_| Error::shape(format!("{len} elements do not fit in memory")))?;
    data.append_to(&mut elements)?;
    from_slice(&elements, &sizes[..], options)
}
