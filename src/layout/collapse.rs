//! Fewer dims for the same walk.

use super::Dims;

/// Drops dims of size 1 and merges adjacent dims where every operand walks through both as through
/// one. The elements come in the same row-major order as before; at least one dim is left.
pub(crate) fn collapse(shape: &mut Dims, strides: &mut [Dims]) {
    // Dims below `kept` are final; the last of them may still grow by the dim at hand.
    let mut kept = 0;
    for dim in 0..shape.len() {
        let size = shape[dim];
        if size == 1 {
            continue;
        }
        if kept > 0 && strides.iter().all(|strides| strides[kept - 1] == size * strides[dim]) {
            shape[kept - 1] *= size;
            strides.iter_mut().for_each(|strides| strides[kept - 1] = strides[dim]);
        } else {
            shape[kept] = size;
            strides.iter_mut().for_each(|strides| strides[kept] = strides[dim]);
            kept += 1;
        }
    }
    shape.truncate(kept);
    strides.iter_mut().for_each(|strides| strides.truncate(kept));
    if kept == 0 {
        shape.push(1);
        strides.iter_mut().for_each(|strides| strides.push(0));
    }
}
