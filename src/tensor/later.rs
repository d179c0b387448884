//! To the CPU without waiting.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Tensor;
use super::read::host_bytes;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Later, View, runtime};
use crate::kernel::Dims;
use crate::layout::Layout;

/// What [`Tensor::cpu_async`] returns.
#[must_use = "what goes wrong is told to who awaits it"]
pub struct CpuFuture(State);

enum State {
    Ready(Result<Tensor>),
    Reading { later: Later, dtype: DType, shape: Dims, strides: Dims },
    Ended,
}

impl Tensor {
    /// [`cpu`](Self::cpu) as a future, of the elements as they are now: what is written to the tensor
    /// later does not show.
    ///
    /// The work starts at the call, and any executor can await its end: the future is woken by a thread of
    /// the device, which lives while somebody waits. The call itself is a read point that does not wait: what
    /// went wrong on the device before it is the future's to report, or, if the future is dropped before, the
    /// next read point's. Where the device has no memory for a copy of a large tensor, the call waits; a tensor
    /// of the CPU is ready at once.
    ///
    /// # Errors
    /// None of the call; of the future as [`cpu`](Self::cpu).
    ///
    /// # Example
    /// ```
    /// let x = taut::ones([2], taut::Device::best())?;
    /// let y = x.add(1)?.cpu_async();
    /// x.add_(5)?; // more work meanwhile
    /// # use pollster::block_on;
    /// assert_eq!(block_on(y)?.to_vec::<f32>()?, [2.0, 2.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn cpu_async(&self) -> CpuFuture {
        if self.device() == Device::Cpu || self.numel() == 0 {
            return CpuFuture(State::Ready(self.cpu()));
        }
        let start = || {
            let (dense, strides) = self.dense()?;
            let bytes = host_bytes(self.numel() * self.dtype().size())?;
            let start = dense.storage_offset();
            let later = dense.runtime().read_later(dense.storage(), start, bytes);
            let shape = Dims::from_slice(self.shape());
            Ok(State::Reading { later, dtype: self.dtype(), shape, strides })
        };
        CpuFuture(start().unwrap_or_else(|error| State::Ready(Err(error))))
    }
}

impl Future for CpuFuture {
    type Output = Result<Tensor>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Tensor>> {
        let bytes = match &mut self.0 {
            State::Reading { later, .. } => ready!(Pin::new(later).poll(context)),
            _ => Ok(Vec::new()),
        };
        Poll::Ready(match std::mem::replace(&mut self.0, State::Ended) {
            State::Ready(tensor) => tensor,
            State::Reading { dtype, shape, strides, .. } => bytes.and_then(|bytes| {
                let len = shape.iter().product();
                let storage = runtime(Device::Cpu)?.adopt_bytes(dtype, len, &bytes)?;
                let layout = Layout::new(shape, strides, 0);
                Ok(Tensor::from_view(View { storage, layout }))
            }),
            State::Ended => Err(Error::value("a future was polled after it had ended")),
        })
    }
}

impl std::fmt::Debug for CpuFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "CpuFuture(ready)",
            State::Reading { .. } => "CpuFuture(reading)",
            State::Ended => "CpuFuture(ended)",
        })
    }
}
