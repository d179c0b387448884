//! Spans of flushes and of their kernels, for whoever listens; nothing without the feature `tracing`.
//!
//! Owns all that names the crate. A kernel's span covers its making and, on the CPU, its run, unless it
//! waits for the next one; a GPU runs kernels later, all that a flush has together.

use std::fmt;

use super::record::Record;
use crate::device::Device;

/// The operations of a kernel: `mul, add`.
#[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "nobody listens"))]
struct Names<'a, 'r>(&'a [&'r Record]);

impl fmt::Display for Names<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, record) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}", record.name)?;
        }
        Ok(())
    }
}

/// A span that ends when it is dropped.
#[must_use = "a span lasts as long as this"]
pub(super) struct Entered {
    #[cfg(feature = "tracing")]
    span: tracing::span::EnteredSpan,
}

/// Whether anybody wants to know of kernels.
#[inline]
pub(super) fn kernels_are_told() -> bool {
    #[cfg(feature = "tracing")]
    return tracing::span_enabled!(target: "taut", tracing::Level::TRACE);
    #[cfg(not(feature = "tracing"))]
    false
}

/// Whether anybody may want to know of flushes; asks nobody, so that it may be asked while the tape is locked.
#[inline]
pub(super) fn flushes_are_told() -> bool {
    #[cfg(feature = "tracing")]
    return tracing::level_filters::LevelFilter::current() >= tracing::Level::DEBUG;
    #[cfg(not(feature = "tracing"))]
    false
}

/// Of a flush of so many operations.
#[inline]
pub(super) fn flush(device: Device, operations: usize) -> Entered {
    #[cfg(feature = "tracing")]
    {
        let kernels = tracing::field::Empty;
        let span = tracing::debug_span!(target: "taut", "flush", %device, operations, kernels);
        Entered { span: span.entered() }
    }
    #[cfg(not(feature = "tracing"))]
    {
        let _ = (device, operations);
        Entered {}
    }
}

/// Of the kernel of these operations; why it `ended` where it did is asked only if somebody listens.
#[inline]
pub(super) fn kernel(members: &[&Record], bytes: [u64; 2], ended: &dyn fmt::Display) -> Entered {
    #[cfg(feature = "tracing")]
    {
        let [bytes_read, bytes_written] = bytes;
        let elements = members.first().map_or(0, |record| record.shape().iter().product::<usize>());
        let operations = Names(members);
        let span = tracing::trace_span!(
            target: "taut",
            "kernel",
            %operations,
            elements,
            bytes_read,
            bytes_written,
            %ended
        );
        Entered { span: span.entered() }
    }
    #[cfg(not(feature = "tracing"))]
    {
        let _ = (members, bytes, ended);
        Entered {}
    }
}

impl Entered {
    /// Tells how many kernels a flush has become.
    #[inline]
    pub(super) fn tell_kernels(&self, kernels: u64) {
        #[cfg(feature = "tracing")]
        self.span.record("kernels", kernels);
        #[cfg(not(feature = "tracing"))]
        let _ = kernels;
    }
}
