//! What the fuzzed formats of files share: damage of a few bytes, so that most of a file stays what its
//! reader expects, and what is put into the headers.

use arbitrary::{Result, Unstructured};

/// Bytes that a reader may ask for beyond a multiple of the file's: the first piece of elements, which may be
/// of an unknown number, and small change.
pub(crate) const FIXED: usize = 200_000;

/// Text that says more than a file holds, or ends what it should not.
const WORDS: [&[u8]; 12] = [
    b"0",
    b"9",
    b"-1",
    b"4294967296",
    b"18446744073709551615",
    b"4611686018427387904",
    b"'",
    b"\"",
    b"(",
    b"[",
    b"}",
    b"\xff",
];

/// The file, changed in up to four places.
pub(crate) fn damaged(mut file: Vec<u8>, u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    for _ in 0..u.int_in_range(0..=4)? {
        let at = u.int_in_range(0..=file.len())?;
        let until = file.len().min(at + u.int_in_range(0..=16)?);
        match u.int_in_range(0..=6)? {
            0 if at < file.len() => file[at] ^= 1 << u.int_in_range(0..=7)?,
            1 if at < file.len() => file[at] = u.arbitrary()?,
            2 => {
                let word = *u.choose(&WORDS)?;
                file.splice(at..at, word.iter().copied());
            }
            3 => {
                let word = *u.choose(&WORDS)?;
                file.splice(at..until, word.iter().copied());
            }
            4 => drop(file.drain(at..until)),
            5 => {
                let (run, to) = (file[at..until].to_vec(), u.int_in_range(0..=file.len())?);
                file.splice(to..to, run);
            }
            _ if u.ratio(1, 4)? => file.truncate(at),
            _ => {}
        }
    }
    Ok(file)
}

/// One of a shape's, seldom of more elements than there are.
pub(crate) fn size(u: &mut Unstructured<'_>) -> Result<u64> {
    match u.int_in_range(0..=15_u8)? {
        0 => u.arbitrary(),
        1 => u.choose(&[u64::MAX, 1 << 32, 1 << 62, 1 << 20]).copied(),
        _ => u.int_in_range(0..=5),
    }
}

/// Elements of so many bytes, but of no more than a few thousand.
pub(crate) fn elements(u: &mut Unstructured<'_>, bytes: u64) -> Result<Vec<u8>> {
    // Leaves some of what is random to the damage.
    let some = u.bytes((u.len() / 2).min(64))?;
    Ok(some.iter().chain(&[7]).copied().cycle().take(bytes.min(4096) as usize).collect())
}
