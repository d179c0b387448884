//! DLPack: memory shared with other libraries, in both directions and without a copy.
//!
//! [`export`] lends a CPU tensor's memory, [`import`] makes a tensor of memory that another library lends.
//! [`Managed`] is what passes between them: the current struct, [`DLManagedTensorVersioned`], or the one
//! from before version 1, [`DLManagedTensor`]. Both sides may write, and see what the other wrote.
//!
//! A raw pointer says nothing of when it is used. So once a tensor's memory has been exported, or was
//! imported, every operation on it, and on all that share its memory, runs at once, before the call
//! returns; it is not fused with others. A `clone()` has memory of its own and is lazy again.
//!
//! Only CPU memory passes: GPU tensors are wgpu's, whose buffers no other library can use.
//!
//! # Example
//! ```
//! use taut::io::dlpack;
//! let x = taut::ones([2, 3], ())?;
//! let y = dlpack::import(dlpack::export(&x.t()?)?)?;
//! x.mul_(7)?;
//! assert_eq!((y.shape(), y.to_vec::<f32>()?), (&[3, 2][..], vec![7.0; 6]));
//! # Ok::<(), taut::Error>(())
//! ```

mod exchange;
mod managed;

use dlpack_rs::ffi::{DLDataType, DLDataTypeCode};

pub use self::exchange::{export, export_legacy, import};
pub use self::managed::{Managed, Owned};
pub use dlpack_rs::ffi::{DLManagedTensor, DLManagedTensorVersioned};

use crate::dtype::DType;

/// What DLPack calls the dtypes: a kind and bits.
const DTYPES: [(DType, DLDataTypeCode::Type, u8); 10] = [
    (DType::Bool, DLDataTypeCode::kDLBool, 8),
    (DType::U8, DLDataTypeCode::kDLUInt, 8),
    (DType::I8, DLDataTypeCode::kDLInt, 8),
    (DType::I16, DLDataTypeCode::kDLInt, 16),
    (DType::I32, DLDataTypeCode::kDLInt, 32),
    (DType::I64, DLDataTypeCode::kDLInt, 64),
    (DType::F16, DLDataTypeCode::kDLFloat, 16),
    (DType::BF16, DLDataTypeCode::kDLBfloat, 16),
    (DType::F32, DLDataTypeCode::kDLFloat, 32),
    (DType::F64, DLDataTypeCode::kDLFloat, 64),
];

fn to_dlpack(dtype: DType) -> DLDataType {
    match DTYPES.iter().find(|(ours, ..)| *ours == dtype) {
        Some(&(_, code, bits)) => DLDataType { code: code as u8, bits, lanes: 1 },
        None => unreachable!("every dtype is in the table"),
    }
}

fn from_dlpack(dtype: DLDataType) -> Option<DType> {
    let same = |&&(_, code, bits): &&(DType, DLDataTypeCode::Type, u8)| {
        code == u32::from(dtype.code) && bits == dtype.bits && dtype.lanes == 1
    };
    DTYPES.iter().find(same).map(|&(ours, ..)| ours)
}
