//! The header of an `.npy` file: a Python dict of dtype, memory order and shape.
//!
//! Source: NumPy enhancement proposal 1, and `numpy.lib.format`.

use std::io::Read;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::io::elements::{Encoding, layout_of, malformed};
use crate::layout::Layout;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// NumPy reads no longer headers by default either.
const MAX_LEN: usize = 10_000;

/// What the elements' place in the file is a multiple of.
const ALIGNMENT: usize = 64;

/// Digits of the largest size: NumPy leaves room for them, so that an array can grow in its file.
const MAX_DIGITS: usize = 21;

pub(super) struct Header {
    pub(super) encoding: Encoding,
    fortran: bool,
    sizes: Vec<u64>,
    /// That the header took.
    pub(super) bytes: u64,
}

impl Header {
    pub(super) fn read(source: &mut dyn Read) -> Result<Self> {
        let mut start = [0; 8];
        source.read_exact(&mut start).map_err(|_| malformed("not an npy file: it is too short"))?;
        let Some([major, minor]) = start.strip_prefix(MAGIC) else {
            return Err(malformed(format!(
                "not an npy file: expected it to begin with \\x93NUMPY, but got {}",
                start[..6].escape_ascii()
            )));
        };
        let mut len = [0; 4];
        let len_bytes = match (major, minor) {
            (1, 0) => 2,
            (2 | 3, 0) => 4,
            _ => {
                return Err(malformed(format!(
                    "expected an npy file of version 1.0, 2.0 or 3.0, but got {major}.{minor}"
                )));
            }
        };
        let ended = |_| malformed("the npy file ends in its header");
        source.read_exact(&mut len[..len_bytes]).map_err(ended)?;
        let len = u32::from_le_bytes(len) as usize;
        if len > MAX_LEN {
            return Err(malformed(format!(
                "expected an npy header of at most {MAX_LEN} bytes, but got {len}"
            )));
        }
        let mut text = vec![0; len];
        source.read_exact(&mut text).map_err(ended)?;
        Text { rest: &text }.header(8 + len_bytes as u64 + len as u64)
    }

    /// Where the elements lie once they are read one after the other.
    pub(super) fn layout(self) -> Result<Layout> {
        if !self.fortran {
            return layout_of(&self.sizes, self.encoding.dtype);
        }
        let reversed: Vec<u64> = self.sizes.into_iter().rev().collect();
        let layout = layout_of(&reversed, self.encoding.dtype)?;
        let back = |dims: &[usize]| dims.iter().rev().copied().collect();
        Ok(Layout::new(back(layout.shape()), back(layout.strides()), 0))
    }
}

/// Magic, version, length and text, as `numpy.save` writes them.
pub(super) fn text(dtype: DType, shape: &[usize], fortran: bool) -> Result<Vec<u8>> {
    let descr = descr(dtype)?;
    let order = if fortran { "True" } else { "False" };
    let sizes = match shape {
        [size] => format!("({size},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {sizes}, }}");
    let grows = if fortran { shape.last() } else { shape.first() };
    if let Some(size) = grows {
        text.extend(std::iter::repeat_n(' ', MAX_DIGITS - size.to_string().len()));
    }
    let before = |len_bytes: usize| MAGIC.len() + 2 + len_bytes;
    let padded = |before: usize| {
        let end = before + text.len() + 1;
        // NumPy adds a whole line of spaces where none is needed.
        text.len() + (ALIGNMENT - end % ALIGNMENT) + 1
    };
    let mut header = MAGIC.to_vec();
    let len = match u16::try_from(padded(before(2))) {
        Ok(len) => {
            header.extend([1, 0]);
            header.extend(len.to_le_bytes());
            usize::from(len)
        }
        // More dimensions than anybody has, but the format can say it.
        Err(_) => {
            let len = padded(before(4));
            header.extend([2, 0]);
            header.extend((len as u32).to_le_bytes());
            len
        }
    };
    header.extend(text.as_bytes());
    header.extend(std::iter::repeat_n(b' ', len - text.len() - 1));
    header.push(b'\n');
    Ok(header)
}

fn descr(dtype: DType) -> Result<&'static str> {
    Ok(match dtype {
        DType::Bool => "|b1",
        DType::U8 => "|u1",
        DType::I8 => "|i1",
        DType::I16 => "<i2",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::BF16 => {
            return Err(Error::dtype(
                "NumPy has no bfloat16; use .to(DType::F32), or write safetensors",
            ));
        }
    })
}

fn encoding(descr: &str) -> Result<Encoding> {
    let (order, code) = match descr.as_bytes().first() {
        Some(b'<' | b'>' | b'|' | b'=') => descr.split_at(1),
        _ => ("=", descr),
    };
    let dtype = match code {
        "b1" => DType::Bool,
        "u1" => DType::U8,
        "i1" => DType::I8,
        "i2" => DType::I16,
        "i4" => DType::I32,
        "i8" => DType::I64,
        "f2" => DType::F16,
        "f4" => DType::F32,
        "f8" => DType::F64,
        _ => return Err(unknown(descr, code)),
    };
    Ok(Encoding {
        dtype,
        big_endian: order == ">" || (order == "=" && cfg!(target_endian = "big")),
    })
}

fn unknown(descr: &str, code: &str) -> Error {
    let what = match code.as_bytes().first() {
        Some(b'u') => "an unsigned integer of more than 8 bits",
        Some(b'c') => "complex numbers",
        Some(b'f') => "floats of more than 64 bits",
        Some(b'S' | b'a' | b'U') => "text",
        Some(b'O') => "pickled Python objects",
        Some(b'M' | b'm') => "dates or times",
        Some(b'V') => "raw bytes (bfloat16 is written so; use safetensors)",
        _ => "not a dtype of NumPy",
    };
    Error::dtype(format!(
        "npy dtype '{}' is {what}, and taut has no such dtype; convert it in NumPy first, with .astype(..)",
        descr.escape_debug()
    ))
}

/// What is left of the text to read.
struct Text<'a> {
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    fn header(mut self, bytes: u64) -> Result<Header> {
        let (mut encoded, mut fortran, mut sizes) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            let twice = match key {
                "descr" => encoded.replace(self.descr()?).is_some(),
                "fortran_order" => fortran.replace(self.boolean()?).is_some(),
                "shape" => sizes.replace(self.sizes()?).is_some(),
                _ => {
                    return Err(malformed(format!(
                        "expected the keys descr, fortran_order and shape in an npy header, but got '{}'",
                        key.escape_debug()
                    )));
                }
            };
            if twice {
                return Err(malformed(format!("the npy header has two entries of '{key}'")));
            }
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.skip_space();
        if !self.rest.is_empty() {
            return Err(self.unexpected("the end of the header"));
        }
        match (encoded, fortran, sizes) {
            (Some(encoding), Some(fortran), Some(sizes)) => {
                Ok(Header { encoding, fortran, sizes, bytes })
            }
            _ => Err(malformed("the npy header lacks one of descr, fortran_order and shape")),
        }
    }

    fn descr(&mut self) -> Result<Encoding> {
        self.skip_space();
        if matches!(self.rest.first(), Some(b'[' | b'(')) {
            return Err(Error::dtype(
                "the npy file holds a structured array, which taut has not; save each field by itself",
            ));
        }
        encoding(self.string()?)
    }

    fn boolean(&mut self) -> Result<bool> {
        self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word.as_bytes()) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    fn sizes(&mut self) -> Result<Vec<u64>> {
        let mut sizes = Vec::new();
        self.expect(b'(')?;
        while !self.take(b')') {
            sizes.push(self.number()?);
            if !self.take(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(sizes)
    }

    fn number(&mut self) -> Result<u64> {
        self.skip_space();
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.rest[..digits]).unwrap_or_default();
        let Ok(number) = text.parse() else {
            return Err(self.unexpected("a size"));
        };
        self.rest = &self.rest[digits..];
        // Python 2 wrote its long integers so.
        self.take(b'L');
        Ok(number)
    }

    /// A string without escapes: no key and no dtype has any.
    fn string(&mut self) -> Result<&'a str> {
        self.skip_space();
        let Some((quote @ (b'\'' | b'"'), rest)) = self.rest.split_first() else {
            return Err(self.unexpected("a string"));
        };
        let end = rest.iter().position(|byte| byte == quote || *byte == b'\\');
        let text = end.filter(|&end| rest[end] == *quote);
        let text = text.and_then(|end| Some((std::str::from_utf8(&rest[..end]).ok()?, end)));
        let Some((text, end)) = text else { return Err(self.unexpected("a plain string")) };
        self.rest = &rest[end + 1..];
        Ok(text)
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(&format!("'{}'", byte as char))) }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn unexpected(&self, expected: &str) -> Error {
        let got = &self.rest[..self.rest.len().min(20)];
        let got =
            if got.is_empty() { "its end".into() } else { format!("'{}'", got.escape_ascii()) };
        malformed(format!("expected {expected} in the npy header, but got {got}"))
    }
}
