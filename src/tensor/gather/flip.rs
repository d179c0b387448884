//! Turning around: flip, fliplr, flipud, rot90.

use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::{Dims, Expr, Value};
use crate::layout::{self, Layout};
use crate::ops::Op;

use super::super::creation::{arange_step, from_vec};
use super::super::elementwise::{Build, check_dtype};
use super::super::sizes::IntoDims;
use super::super::{Options, Tensor};

/// Places along a dim that the CPU is told, at most.
const FEW: usize = 1 << 10;

impl Tensor {
    /// The elements in reverse order along dims: a copy, with this tensor's order of dims in memory.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Shape` for a dim named twice.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2, 3], [4, 5, 6]], ())?;
    /// assert_eq!(x.flip(1)?.to_vec::<i32>()?, [3, 2, 1, 6, 5, 4]);
    /// assert_eq!(x.flip([0, 1])?.to_vec::<i32>()?, [6, 5, 4, 3, 2, 1]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn flip(&self, dims: impl IntoDims) -> Result<Self> {
        let dims = layout::normalize_dims(&dims.into_dims(), self.dim())?;
        let dims: Dims =
            dims.into_iter().filter(|&dim| self.dim() > 0 && self.shape()[dim] > 1).collect();
        if dims.is_empty() || self.numel() == 0 {
            return self.try_clone();
        }
        let reach: usize = self.layout().extent().map_or(0, |extent| extent.len());
        let dtype = if i32::try_from(reach).is_ok() { DType::I32 } else { DType::I64 };
        check_dtype(self.device(), dtype)?;
        let mut build = Build::over("flip", self.runtime(), self.dims());
        let mut strides = Dims::from_slice(self.stride());
        let mut at: Option<Value> = None;
        for dim in dims {
            let (size, stride) = (self.shape()[dim], std::mem::take(&mut strides[dim]) as i64);
            // Where each place along the dim is read from; an operand's strides cannot be negative.
            let last = (size as i64 - 1) * stride;
            let from = match stride {
                // All are the same.
                0 => continue,
                // An index is a place, which need not come from memory.
                _ if self.dim() == 1 => {
                    let index = build.program().push(Expr::Index, dtype);
                    let mut way = index;
                    if stride != 1 {
                        let stride = build.scalar(stride, dtype);
                        way = build.program().binary(Op::Mul, index, stride);
                    }
                    let last = build.scalar(last, dtype);
                    at = Some(build.program().binary(Op::Sub, last, way));
                    continue;
                }
                // To count on the host takes less than to have it done.
                _ if self.device() == Device::Cpu && dtype == DType::I32 && size <= FEW => {
                    let places = (0..size as i32).rev().map(|i| i * stride as i32);
                    let row = Layout::contiguous(&[size])?;
                    from_vec(places.collect::<Vec<_>>(), row, self.device().into())?
                }
                _ => arange_step(last, -stride, -stride, Options::from((dtype, self.device())))?,
            };
            let mut sizes = vec![1; self.dim()];
            sizes[dim] = size as i64;
            let own = build.load(&from.view(&sizes[..])?)?;
            at = Some(at.map_or(own, |at| build.program().binary(Op::Add, at, own)));
        }
        let Some(at) = at else { return self.try_clone() };
        let value = build.fetch(self, strides, at);
        build.finish_as(value, layout::preserved_strides(self.layout()))
    }

    /// [`flip`](Self::flip) of the columns: dim 1.
    ///
    /// # Errors
    /// `Shape` for fewer than two dims.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.fliplr()?.to_vec::<i32>()?, [2, 1, 4, 3]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn fliplr(&self) -> Result<Self> {
        if self.dim() < 2 {
            return Err(Error::shape("Input must be >= 2-d."));
        }
        self.flip(1)
    }

    /// [`flip`](Self::flip) of the rows: dim 0.
    ///
    /// # Errors
    /// `Shape` for no dims.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.flipud()?.to_vec::<i32>()?, [3, 4, 1, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn flipud(&self) -> Result<Self> {
        if self.dim() < 1 {
            return Err(Error::shape("Input must be >= 1-d."));
        }
        self.flip(0)
    }

    /// A turn by `k` quarters in the plane of two dims, from the first towards the second: a copy.
    ///
    /// # Errors
    /// `Shape` unless there are two different dims, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.rot90(1, [0, 1])?.to_vec::<i32>()?, [2, 4, 1, 3]);
    /// assert_eq!(x.rot90(-1, [0, 1])?.to_vec::<i32>()?, [3, 1, 4, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn rot90(&self, k: i64, dims: impl IntoDims) -> Result<Self> {
        let dims = dims.into_dims();
        let [from, to] = dims[..] else {
            return Err(Error::shape(format!(
                "expected total rotation dims == 2, but got dims = {}",
                dims.len()
            )));
        };
        if self.dim() < 2 {
            return Err(Error::shape(format!(
                "expected total dims >= 2, but got total dims = {}",
                self.dim()
            )));
        }
        if layout::normalize_dim(from, self.dim())? == layout::normalize_dim(to, self.dim())? {
            return Err(Error::shape(format!(
                "expected rotation dims to be different, but got dim0 = {from} and dim1 = {to}"
            )));
        }
        match k.rem_euclid(4) {
            1 => self.flip(to)?.transpose(from, to),
            2 => self.flip([from, to]),
            3 => self.flip(from)?.transpose(from, to),
            _ => self.try_clone(),
        }
    }
}
