//! Chains beside the loops of their operations.

use bytemuck::cast_slice_mut;

use super::super::ops::loop_of;
use super::*;

const LINKS: [(Op, Side); 6] = [
    (Op::Add, Side::Left),
    (Op::Sub, Side::Left),
    (Op::Sub, Side::Right),
    (Op::Mul, Side::Left),
    (Op::Div, Side::Left),
    (Op::Div, Side::Right),
];

/// The same by the loop of each operation, from element `start` on.
fn one_after_the_other(
    dtype: DType,
    (start, len): (usize, usize),
    first: &[u8],
    chain: &[((Op, Side), &[u8])],
) -> Vec<u64> {
    let size = dtype.size();
    let of = |bytes: &[u8]| match bytes.len() == size {
        true => bytes.repeat(len - start),
        false => bytes[start * size..].to_vec(),
    };
    let mut value = of(first);
    for &((op, side), other) in chain {
        let other = of(other);
        // Aligned, as lanes are.
        let aligned = |bytes: &[u8]| -> Vec<u64> {
            let mut lanes = vec![0; bytes.len().div_ceil(8)];
            cast_slice_mut(&mut lanes)[..bytes.len()].copy_from_slice(bytes);
            lanes
        };
        let (a, b, mut out) = (aligned(&value), aligned(&other), aligned(&value));
        let [a, b] = [&a, &b].map(|lanes| &cast_slice::<u64, u8>(lanes)[..value.len()]);
        let (a, b) = side.of([a, b]);
        let out = &mut cast_slice_mut::<u64, u8>(&mut out)[..value.len()];
        loop_of(op, dtype)(out, a, b, &[]);
        value.copy_from_slice(out);
    }
    let mut lanes = vec![0; value.len().div_ceil(8)];
    cast_slice_mut(&mut lanes)[..value.len()].copy_from_slice(&value);
    lanes
}

fn is_nan(dtype: DType, bytes: &[u8]) -> bool {
    match dtype {
        DType::F32 => f32::from_ne_bytes(bytes.try_into().unwrap()).is_nan(),
        DType::F64 => f64::from_ne_bytes(bytes.try_into().unwrap()).is_nan(),
        _ => false,
    }
}

#[test]
fn chains_have_the_bits_of_one_after_the_other() {
    let mut bits = 1_u64;
    let mut random = || {
        bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        bits >> 16
    };
    let mut compared = 0;
    for dtype in [DType::F32, DType::F64, DType::I32, DType::I64] {
        let links_of = if dtype.is_floating_point() { 6 } else { 4 };
        let (size, run) = (dtype.size(), chain_loop(dtype).unwrap());
        for round in 0..200 {
            let len = 1 + random() as usize % 400;
            let start = random() as usize % len;
            let values: Vec<Vec<u64>> =
                (0..6).map(|_| (0..400).map(|_| random() ^ random() << 24).collect()).collect();
            let values: Vec<&[u8]> = values.iter().map(|v| cast_slice(v)).collect();
            let links = 1 + random() as usize % 9;
            let chain: Vec<((Op, Side), &[u8])> = (0..links)
                .map(|k| {
                    // Each comes by itself first.
                    let link = if round < links_of { round } else { random() as usize % links_of };
                    let len = if random() % 3 == 0 { 1 } else { len };
                    (LINKS[link], &values[1 + k % 5][..len * size])
                })
                .collect();
            let linked: Vec<(Link, Rows<'_>)> = chain
                .iter()
                .map(|&((op, side), other)| (Link::of(op, side, dtype).unwrap(), Rows::one(other)))
                .collect();
            let mut out = vec![0_u64; 400];
            let out = &mut cast_slice_mut(&mut out)[..(len - start) * size];
            let first = if random() % 4 == 0 { 1 } else { len };
            let first = &values[0][..first * size];
            run(Out::Cached(out), (0, start), Rows::one(first), &linked);
            let expected = one_after_the_other(dtype, (start, len), first, &chain);
            let expected: &[u8] = cast_slice(&expected);
            for (got, expected) in out.chunks(size).zip(expected.chunks(size)) {
                let same = got == expected || is_nan(dtype, got) && is_nan(dtype, expected);
                assert!(same, "{dtype:?} {chain:?}");
                compared += usize::from(!is_nan(dtype, got));
            }
        }
    }
    assert!(compared > 60_000, "{compared}");
}

#[test]
fn chains_on_rows_have_the_bits_of_row_after_row() {
    const ROWS: usize = 3;
    let values: Vec<u64> = (1..2000_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let values: &[u8] = cast_slice(&values);
    for dtype in [DType::F32, DType::F64, DType::I32, DType::I64] {
        let (size, run) = (dtype.size(), chain_loop(dtype).unwrap());
        let divides = |link| matches!(link, Link::Div | Link::DivInto);
        let links =
            Link::ALL.into_iter().filter(|&link| dtype.is_floating_point() || !divides(link));
        for (link, len) in links.flat_map(|link| [1, 3, 16, 65, 128, 200].map(|len| (link, len))) {
            // A row for each, the same row for all, an element for each, the same element for all.
            let rows = |from: usize, (len, are_same): (usize, bool)| {
                let count = if are_same { 1 } else { ROWS };
                Rows::of(&values[from * size..][..count * len * size], ROWS, are_same)
            };
            let kinds = [(len, false), (len, true), (1, false), (1, true)];
            for (a, b) in kinds.into_iter().flat_map(|a| kinds.map(|b| (a, b))) {
                let first = (link, rows(700, b));
                for links in [&[first][..], &[first, (Link::Mul, rows(5, a))]] {
                    let (mut got, mut expected) = (vec![0_u64; 600], vec![0_u64; 600]);
                    let [got, expected] = [&mut got, &mut expected]
                        .map(|lanes| &mut cast_slice_mut::<_, u8>(lanes)[..ROWS * len * size]);
                    for (row, out) in expected.chunks_mut(len * size).enumerate() {
                        run(Out::Cached(out), (row, 0), rows(0, a), links);
                    }
                    run(Out::CachedRows(got, len * size), (0, 0), rows(0, a), links);
                    assert_eq!(got, expected, "{dtype:?} {link:?} {len} {a:?} {b:?}");
                    let (_, got) = got.split_at_mut(len * size);
                    got.fill(0);
                    run(Out::CachedRows(got, len * size), (1, 0), rows(0, a), links);
                    assert_eq!(
                        got,
                        &expected[len * size..],
                        "{dtype:?} {link:?} {len} {a:?} {b:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn flat_chains_have_the_bits_of_those_by_rows() {
    let values: Vec<u64> = (1..3000_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let values: &[u8] = cast_slice(&values);
    for dtype in [DType::F32, DType::F64, DType::I32, DType::I64] {
        let (size, by_rows) = (dtype.size(), chain_loop(dtype).unwrap());
        let flat = flat_loop(dtype).unwrap();
        let divides = |link| matches!(link, Link::Div | Link::DivInto);
        let links =
            Link::ALL.into_iter().filter(|&link| dtype.is_floating_point() || !divides(link));
        for (link, len) in links.flat_map(|link| (1..=70).map(move |len| (link, len))) {
            let from = |start: usize, len: usize| &values[start * size..][..len * size];
            let first = from(0, len);
            let other = |start: usize, len: usize| match link {
                Link::Square => &[],
                _ => from(start, len),
            };
            for all in [
                &[(link, other(100, len))][..],
                &[(link, other(200, 1))],
                &[(link, other(300, 1)), (Link::Mul, from(400, len)), (link, other(500, len))],
                &[(Link::Add, from(600, len)), (link, other(700, len))],
            ] {
                let (mut got, mut expected) = (vec![0_u64; 70], vec![0_u64; 70]);
                let [got, expected] = [&mut got, &mut expected]
                    .map(|lanes| &mut cast_slice_mut::<_, u8>(lanes)[..len * size]);
                flat(got, first, all.len(), &|number| all[number]);
                // One element after the other, as of a row of its own.
                for (i, out) in expected.chunks_mut(size).enumerate() {
                    let at = |bytes: &[u8]| match bytes.len() {
                        0 => 0..0,
                        few if few == size => 0..size,
                        _ => i * size..(i + 1) * size,
                    };
                    let links: Vec<(Link, Rows<'_>)> =
                        all.iter().map(|(link, b)| (*link, Rows::one(&b[at(b)]))).collect();
                    by_rows(Out::Cached(out), (0, 0), Rows::one(&first[at(first)]), &links);
                }
                for (got, expected) in got.chunks(size).zip(expected.chunks(size)) {
                    let same = got == expected || is_nan(dtype, got) && is_nan(dtype, expected);
                    assert!(same, "{dtype:?} {link:?} {len}");
                }
            }
        }
    }
}
