//! What a program must know of the arguments: whether its tiles are blocks, and what goes past the cache.

use crate::kernel::{Args, Class, Code};

/// Bytes that a kernel touches from which on its results go past the cache: of fewer the last cache keeps
/// them for whoever reads them next. Tests are to see it with little data.
const PAST_CACHE: usize = if cfg!(test) { 1 << 11 } else { 20 << 20 };

/// Points of a row from which on a chain may run row by row.
const SHORT: usize = 32;

/// What a program must know of the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::backend::cpu) struct Form {
    /// Note [Blocks].
    pub(super) rows: Option<usize>,
    /// Note [Rows of blocks]: not where they are so short that a loop is hardly begun, or begin anywhere.
    pub(super) by_row: bool,
    /// Note [Past the cache].
    pub(in crate::backend::cpu) past_cache: bool,
}

impl Form {
    /// That of few points in one dimension, all of whose operands are contiguous.
    pub(in crate::backend::cpu) const FLAT: Self =
        Self { rows: None, by_row: false, past_cache: false };

    /// Whether tiles are blocks: Note [Blocks].
    pub(in crate::backend::cpu) fn is_in_blocks(self) -> bool {
        self.rows.is_some()
    }

    pub(in crate::backend::cpu) fn of(code: &Code, args: &Args) -> Self {
        // What folds a tile expects a range.
        let rows = if code.reduce.is_some() { None } else { block_dim(code, args) };
        let by_row = rows.is_some()
            && args.shape[args.shape.len() - 1] >= SHORT
            && rows_begin_with_lines(code, args);
        Self { rows, by_row, past_cache: bytes_touched(code, args) >= PAST_CACHE }
    }
}

/// Whether each row of what is stored begins with a line of the cache, but for memory that the user gave: a
/// vector that lies across two takes several times as long.
fn rows_begin_with_lines(code: &Code, args: &Args) -> bool {
    let inner = args.shape[args.shape.len() - 1];
    code.stores.iter().all(|store| {
        let operand = usize::from(store.operand);
        let size = code.operands[operand].dtype.size();
        [inner, args.operands[operand].offset].iter().all(|n| (n * size).is_multiple_of(64))
    })
}

/// Bytes of all operands, of no buffer more than once.
pub(in crate::backend::cpu) fn bytes_touched(code: &Code, args: &Args) -> usize {
    let product = |sizes: &mut dyn Iterator<Item = &usize>| {
        sizes.fold(1_usize, |product, &size| product.saturating_mul(size))
    };
    let len = product(&mut args.shape.iter());
    let operands = code.operands.iter().zip(&args.operands).enumerate();
    let bytes = operands.map(|(i, (operand, numbers))| {
        if code.operands[..i].iter().any(|earlier| earlier.buffer == operand.buffer) {
            return 0;
        }
        let moving = args.shape.iter().zip(&numbers.strides).filter(|(_, stride)| **stride > 0);
        let points = match operand.class {
            Class::Contiguous => len,
            _ => product(&mut moving.map(|(size, _)| size)),
        };
        points.saturating_mul(operand.dtype.size())
    });
    bytes.fold(0, usize::saturating_add)
}

/// The dimension of Note [Blocks], if blocks are worth their copies.
fn block_dim(code: &Code, args: &Args) -> Option<usize> {
    /// Fewer points are in L1 whatever their order. Tests are to see blocks with little data.
    const SMALL: usize = if cfg!(test) { 64 } else { 4096 };
    /// Elements of a line that a block should see at least.
    const ROWS: usize = 8;
    let inner = args.shape.len() - 1;
    if inner == 0 || args.shape[inner] < ROWS || args.shape.iter().product::<usize>() <= SMALL {
        return None;
    }
    code.operands.iter().zip(&args.operands).find_map(|(operand, numbers)| {
        let strides = &numbers.strides;
        let is_far = operand.class == Class::Strided && strides[inner] >= ROWS;
        let nearest = (0..inner)
            .filter(|&d| args.shape[d] >= ROWS && strides[d] > 0)
            .min_by_key(|&d| strides[d])?;
        (is_far && strides[nearest] < strides[inner]).then_some(nearest)
    })
}
