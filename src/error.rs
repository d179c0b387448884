//! The one error type of the crate.
//!
//! Owns the classes of user errors and their wording conventions: PyTorch's words where PyTorch has
//! them, always what was got and what was expected. It hides every dependency: the only foreign type
//! in a public variant is [`std::io::Error`].

use std::fmt;

/// The result of every fallible operation of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Shapes that do not fit together, a size that cannot be had by viewing, or one that is beyond what a
    /// device can address.
    Shape,
    /// An operation that a dtype does not have, or a cast that would lose the kind of number.
    Dtype,
    /// An index or a dimension out of range, or too many of them.
    Index,
    /// A target whose elements share memory, or that partially overlaps another argument.
    Overlap,
    /// A value that the operation cannot take: a zero divisor, a bad step, an unknown word.
    Value,
    /// A device that is missing, was lost, or is not the one of the other arguments.
    Device,
    /// Memory that could not be had.
    Memory,
    /// Reading or writing a file.
    Io,
}

/// Why an operation was refused.
///
/// # Example
/// ```
/// let x = taut::zeros([2, 3], ())?;
/// let error = x.view([5]).unwrap_err();
/// assert_eq!(error.kind(), taut::ErrorKind::Shape);
/// assert_eq!(error.to_string(), "shape '[5]' is invalid for input of size 6");
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// See [`ErrorKind::Shape`].
    #[error("{0}")]
    Shape(Box<str>),
    /// See [`ErrorKind::Dtype`].
    #[error("{0}")]
    Dtype(Box<str>),
    /// See [`ErrorKind::Index`].
    #[error("{0}")]
    Index(Box<str>),
    /// See [`ErrorKind::Overlap`].
    #[error("{0}")]
    Overlap(Box<str>),
    /// See [`ErrorKind::Value`].
    #[error("{0}")]
    Value(Box<str>),
    /// See [`ErrorKind::Device`].
    #[error("{0}")]
    Device(Box<str>),
    /// See [`ErrorKind::Memory`].
    #[error("{0}")]
    OutOfMemory(Box<OutOfMemory>),
    /// See [`ErrorKind::Io`].
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// What was asked of a device's memory, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfMemory {
    /// The device, as it prints.
    pub device: Box<str>,
    /// Bytes that were asked for.
    pub requested: u64,
    /// Bytes held by live tensors.
    pub live: u64,
    /// Bytes that the pool held and gave back before the last try.
    pub pooled: u64,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} out of memory: tried to allocate {} bytes; {} bytes are held by tensors, {} bytes \
             were pooled and have been given back",
            self.device, self.requested, self.live, self.pooled
        )
    }
}

impl Error {
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Shape(_) => ErrorKind::Shape,
            Self::Dtype(_) => ErrorKind::Dtype,
            Self::Index(_) => ErrorKind::Index,
            Self::Overlap(_) => ErrorKind::Overlap,
            Self::Value(_) => ErrorKind::Value,
            Self::Device(_) => ErrorKind::Device,
            Self::OutOfMemory(_) => ErrorKind::Memory,
            Self::Io(_) => ErrorKind::Io,
        }
    }

    /// The same error once more: one cause may leave several tensors without elements.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Shape(message) => Self::Shape(message.clone()),
            Self::Dtype(message) => Self::Dtype(message.clone()),
            Self::Index(message) => Self::Index(message.clone()),
            Self::Overlap(message) => Self::Overlap(message.clone()),
            Self::Value(message) => Self::Value(message.clone()),
            Self::Device(message) => Self::Device(message.clone()),
            Self::OutOfMemory(what) => Self::OutOfMemory(what.clone()),
            Self::Io(error) => Self::Io(std::io::Error::new(error.kind(), error.to_string())),
        }
    }

    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self::Shape(message.into().into())
    }

    pub(crate) fn dtype(message: impl Into<String>) -> Self {
        Self::Dtype(message.into().into())
    }

    pub(crate) fn index(message: impl Into<String>) -> Self {
        Self::Index(message.into().into())
    }

    pub(crate) fn overlap(message: impl Into<String>) -> Self {
        Self::Overlap(message.into().into())
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::Value(message.into().into())
    }

    pub(crate) fn device(message: impl Into<String>) -> Self {
        Self::Device(message.into().into())
    }
}

// Every method returns a Result: the error must not make the good path move more than it has to.
const _: () = assert!(size_of::<Error>() <= 24);
