//! A launch of one device on another, which has other memory.
//!
//! Owns the way there and back. Must not know which devices these are, nor why.

use smallvec::SmallVec;

use super::{Backend, Buffer, Launch};
use crate::error::Result;

/// Runs a launch of `home` on a device that launches run on before `run` returns. It does not check its data.
/// What was refused memory there has stored nothing.
///
/// # Errors
/// `OutOfMemory` of the other device; what either returns.
pub(crate) fn run(home: &dyn Backend, other: &dyn Backend, launch: &Launch) -> Result<()> {
    let code = &launch.kernel.code;
    debug_assert!(!code.may_refuse(), "a check reports to its own device: {launch:?}");
    let there = |buffer: &Buffer| {
        other.allocate_with(buffer.bytes(), &mut |bytes| home.read(buffer, 0, bytes))
    };
    let buffers = launch.buffers.iter().map(there).collect::<Result<SmallVec<_>>>()?;
    let away = Launch { kernel: launch.kernel.clone(), buffers };
    other.run(std::slice::from_ref(&away))?;
    for (number, (buffer, result)) in launch.buffers.iter().zip(&away.buffers).enumerate() {
        if code.is_written(number) {
            let mut back = |bytes: &[u8]| home.write(buffer, 0, bytes);
            other.read_with(result, (0, buffer.bytes()), &mut back)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::CpuBackend;
    use crate::backend::{BackendStats, Limits};
    use crate::dtype::DType;
    use crate::error::{Error, OutOfMemory};
    use crate::kernel::{
        Args, Class, Code, Dims, Expr, Kernel, Node, OperandArgs, OperandCode, Store,
    };

    /// A device without memory.
    struct Full;

    impl Backend for Full {
        fn allocate(&self, bytes: usize) -> Result<Buffer> {
            let (device, requested) = ("full".into(), bytes as u64);
            Err(Error::OutOfMemory(Box::new(OutOfMemory { device, requested, live: 0, pooled: 0 })))
        }

        fn allocate_with(
            &self,
            bytes: usize,
            _: &mut dyn FnMut(&mut [u8]) -> Result<()>,
        ) -> Result<Buffer> {
            self.allocate(bytes)
        }

        fn write(&self, _: &Buffer, _: usize, _: &[u8]) -> Result<()> {
            unreachable!("there is no buffer")
        }

        fn read(&self, _: &Buffer, _: usize, _: &mut [u8]) -> Result<()> {
            unreachable!("there is no buffer")
        }

        fn run(&self, _: &[Launch]) -> Result<()> {
            unreachable!("there is no buffer")
        }

        fn wait(&self) -> Result<Option<u32>> {
            Ok(None)
        }

        fn limits(&self) -> Limits {
            CpuBackend::new().limits()
        }

        fn stats(&self) -> BackendStats {
            BackendStats::default()
        }
    }

    /// Every second element of the second buffer becomes that of the first, and the buffers.
    fn copy(home: &CpuBackend) -> Launch {
        let operand = |buffer, class| OperandCode { buffer, dtype: DType::I32, class };
        let code = Code {
            rank: 1,
            operands: SmallVec::from_iter([
                operand(0, Class::Contiguous),
                operand(1, Class::Strided),
            ]),
            nodes: SmallVec::from_iter([Node { expr: Expr::Load(0), dtype: DType::I32 }]),
            stores: SmallVec::from_iter([Store { operand: 1, value: 0 }]),
            check: None,
            reduce: None,
            whole: None,
        };
        let strided = |stride| OperandArgs { offset: 0, strides: Dims::from_slice(&[stride]) };
        let args = Args {
            shape: Dims::from_slice(&[3]),
            operands: SmallVec::from_iter([strided(1), strided(2)]),
            scalars: SmallVec::new(),
            base: 0,
            check: 0,
        };
        let buffer = |values: [i32; 6]| {
            let buffer = home.allocate(24).unwrap();
            home.write(&buffer, 0, bytemuck::cast_slice(&values)).unwrap();
            buffer
        };
        let buffers = SmallVec::from_iter([buffer([1, 2, 3, 4, 5, 6]), buffer([9; 6])]);
        Launch { kernel: Kernel { code: code.into(), args }, buffers }
    }

    fn values(home: &CpuBackend, buffer: &Buffer) -> [i32; 6] {
        let mut values = [0; 6];
        home.read(buffer, 0, bytemuck::cast_slice_mut(&mut values)).unwrap();
        values
    }

    #[test]
    fn launch_elsewhere_stores_at_home() {
        let (home, other) = (CpuBackend::new(), CpuBackend::new());
        let launch = copy(&home);
        run(&home, &other, &launch).unwrap();
        assert_eq!(values(&home, &launch.buffers[0]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(values(&home, &launch.buffers[1]), [1, 9, 2, 9, 3, 9]);
    }

    #[test]
    fn launch_elsewhere_without_memory_stores_nothing() {
        let home = CpuBackend::new();
        let launch = copy(&home);
        let error = run(&home, &Full, &launch).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory(_)), "{error}");
        assert_eq!(values(&home, &launch.buffers[1]), [9; 6]);
    }
}
