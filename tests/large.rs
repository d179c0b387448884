//! Tensors of more than 2^32 elements, beyond what 32 bits number. By hand, as they take 10 GiB:
//! `cargo test --release --test large -- --ignored`.

mod common;

use taut::{DType, Error, Result, Tensor, full, slice, tensor};

/// Elements: 2^32, and so many more that a tile and a workgroup end within.
const LEN: usize = (1 << 32) + 12_345;

#[test]
#[ignore = "takes 10 GiB of memory on each device"]
fn more_than_32_bits_of_elements_are_each_reached() -> Result<()> {
    let mut tried = 0;
    for device in common::devices() {
        let first = |x: Tensor| x.narrow(0, 0, 1)?.item::<u8>().map(|_| x);
        let x = match full([LEN], 1, (DType::U8, device)).and_then(first) {
            Err(Error::OutOfMemory(why)) => {
                eprintln!("skipped on {device}: {why}");
                continue;
            }
            x => x?,
        };
        tried += 1;
        // Three marks: at the start, right where 32 bits end, and at the end.
        let marks = [(0, 3), (1_usize << 32, 5), (LEN - 1, 7)];
        for (at, value) in marks {
            x.narrow(0, at as i64, 1)?.fill_(value)?;
        }
        let y = x.add(&x)?.sub(1)?;
        let expected =
            |at: usize| marks.iter().find(|m| m.0 == at).map_or(1, |m| 2 * m.1 - 1) as u8;
        for at in [0, 1, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, LEN - 2, LEN - 1] {
            assert_eq!(y.narrow(0, at as i64, 1)?.item::<u8>()?, expected(at), "{device}: at {at}");
        }
        let sum: i64 = y.sum(())?.item()?;
        assert_eq!(sum, LEN as i64 + 4 + 8 + 12, "{device}");
        assert_eq!(y.argmax(())?.item::<i64>()?, LEN as i64 - 1, "{device}");
        let sum = x.as_strided([1 << 17, (1 << 15) + 1], [1 << 15, 1], 0)?.sum(())?;
        assert_eq!(sum.item::<i64>()?, (1 << 32) + 2 + (1 << 17) - 1 + 5, "{device}");
        let at = tensor([0_i64, 1, 1 << 32, -1], device)?;
        assert_eq!(x.i(&at)?.to_vec::<u8>()?, [3, 1, 5, 7], "{device}");
        let at = tensor([(1_i64 << 32) + 3, 2, (1 << 32) + 3], device)?;
        x.index_put_(&at, 9)?;
        x.index_add_(0, &at, &tensor([1_u8, 2, 3], device)?)?;
        let at = tensor([2_i64, 3, (1 << 32) + 2, (1 << 32) + 3], device)?;
        assert_eq!(x.take(&at)?.to_vec::<u8>()?, [11, 1, 1, 13], "{device}");
        let far = y.i(slice(1_i64 << 32, ..).step(2))?;
        assert_eq!(far.numel(), 12_345_usize.div_ceil(2), "{device}");
        assert_eq!(far.sum(())?.item::<i64>()?, far.numel() as i64 + 8 + 12, "{device}");
    }
    assert!(tried > 0, "no device has the memory");
    Ok(())
}
