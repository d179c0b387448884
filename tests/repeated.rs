//! Programs that come again find the kernels that were made for them before: what they give must follow from
//! their own data, numbers and shapes.
//!
//! The operations come in the order in which kernels that walk are made before those that do not.

mod common;

use std::sync::{Mutex, PoisonError};

use common::devices;
use taut::{DType, Device, ErrorKind, Result, Tensor, dims, from_slice};

/// Held by each test: what is refused is reported at the next read point of its device, whoever's that is.
static ALONE: Mutex<()> = Mutex::new(());

const ROWS: usize = 4;
const COLUMNS: usize = 6;

/// What an operation gives for two matrices and a number.
type Operation = fn(&Tensor, &Tensor, i32) -> Result<Tensor>;
/// The same for rows of numbers.
type Expected = fn(&[f32], &[f32], i32) -> Vec<f32>;

fn of_columns(rows: usize, values: &[f32], of: impl Fn(Vec<f32>) -> f32) -> Vec<f32> {
    let columns = values.len() / rows;
    (0..columns).map(|c| of(values.iter().skip(c).step_by(columns).copied().collect())).collect()
}

fn transposed(values: &[f32]) -> Vec<f32> {
    let column = |c: usize| values.iter().skip(c).step_by(COLUMNS).copied();
    (0..COLUMNS).flat_map(column).collect()
}

fn square(matrix: &Tensor) -> Result<Tensor> {
    matrix.narrow(1, 0, ROWS as i64)
}

fn of_squares(a: &[f32], b: &[f32]) -> Vec<f32> {
    let places = (0..ROWS).flat_map(|r| (0..ROWS).map(move |c| (r, c)));
    places.map(|(r, c)| a[r * COLUMNS + c] + b[c * COLUMNS + r]).collect()
}

/// A column for each of the first row's numbers.
fn places(b: &Tensor) -> Result<Tensor> {
    b.narrow(0, 0, 1)?.reshape([-1])?.abs()?.fmod(COLUMNS as i32)?.to(DType::I64)
}

fn of_places(b: &[f32]) -> impl Iterator<Item = usize> {
    b[..COLUMNS].iter().map(|b| (b.abs() as usize) % COLUMNS)
}

fn each(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    a.iter().zip(b).map(|(&a, &b)| of(a, b)).collect()
}

const OPERATIONS: [(&str, Operation, Expected); 24] = [
    (
        "a + a row",
        |a, b, _| a.add(&b.narrow(0, 0, 1)?),
        |a, b, _| a.iter().enumerate().map(|(i, a)| a + b[i % COLUMNS]).collect(),
    ),
    ("a + its a^T", |a, _, _| square(a)?.add(&square(a)?.t()?), |a, _, _| of_squares(a, a)),
    ("a + b^T", |a, b, _| square(a)?.add(&square(b)?.t()?), |a, b, _| of_squares(a, b)),
    (
        "in place",
        |a, b, k| {
            let x = a.add(0)?;
            x.add_(b)?.mul_(k)?;
            Ok(x)
        },
        |a, b, k| each(a, b, |a, b| (a + b) * k as f32),
    ),
    (
        "a product that is kept, less its sum",
        |a, b, _| {
            let product = a.mul(b)?;
            let sum = product.sum(())?;
            product.sub(sum.eval()?)
        },
        |a, b, _| {
            let product = each(a, b, |a, b| a * b);
            let sum: f32 = product.iter().sum();
            product.iter().map(|product| product - sum).collect()
        },
    ),
    (
        "less the sum of each row, in place",
        |a, b, k| {
            let x = a.add(b)?;
            x.sub_(&x.sum(dims([1]).keepdim())?)?.mul_(k)?;
            Ok(x)
        },
        |a, b, k| {
            let sums = each(a, b, |a, b| a + b);
            let less = |row: &[f32]| {
                let sum: f32 = row.iter().sum();
                row.iter().map(|x| (x - sum) * k as f32).collect::<Vec<_>>()
            };
            sums.chunks(COLUMNS).flat_map(less).collect()
        },
    ),
    (
        "picked columns",
        |a, b, k| a.index_select(1, &places(b)?)?.mul(k),
        |a, b, k| {
            let row = |row: &[f32]| of_places(b).map(|c| row[c] * k as f32).collect::<Vec<_>>();
            a.chunks(COLUMNS).flat_map(row).collect()
        },
    ),
    (
        "what each row of b picks in a",
        |a, b, _| a.gather(1, &b.abs()?.fmod(COLUMNS as i32)?.to(DType::I64)?),
        |a, b, _| {
            let at = |i: usize, b: f32| a[i / COLUMNS * COLUMNS + (b.abs() as usize) % COLUMNS];
            b.iter().enumerate().map(|(i, &b)| at(i, b)).collect()
        },
    ),
    (
        "added to columns",
        |a, b, k| a.mul(k)?.index_add(1, &places(b)?, b),
        |a, b, k| {
            let mut sums: Vec<f32> = a.iter().map(|a| a * k as f32).collect();
            for (sums, b_row) in sums.chunks_mut(COLUMNS).zip(b.chunks(COLUMNS)) {
                of_places(b).zip(b_row).for_each(|(c, b)| sums[c] += b);
            }
            sums
        },
    ),
    (
        "rows in order",
        |a, _, _| a.sort(1, false).map(|(values, _)| values),
        |a, _, _| {
            let mut a = a.to_vec();
            a.chunks_mut(COLUMNS).for_each(|row| row.sort_by(f32::total_cmp));
            a.iter().map(|a| a + 0.0).collect()
        },
    ),
    (
        "the second of each row",
        |a, _, k| a.sub(k)?.kthvalue(2, 1, false).map(|(values, _)| values),
        |a, _, k| {
            let second = |row: &[f32]| {
                let mut row: Vec<f32> = row.iter().map(|a| a - k as f32).collect();
                row.sort_by(f32::total_cmp);
                row[1]
            };
            a.chunks(COLUMNS).map(second).collect()
        },
    ),
    (
        "a b^T",
        |a, b, k| a.matmul(&b.t()?)?.add(k),
        |a, b, k| {
            let product =
                |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>() + k as f32;
            let row = |x: &[f32]| b.chunks(COLUMNS).map(|y| product(x, y)).collect::<Vec<_>>();
            a.chunks(COLUMNS).flat_map(row).collect()
        },
    ),
    (
        "a by columns + b",
        |a, b, _| a.t()?.contiguous()?.t()?.add(b),
        |a, b, _| each(a, b, |a, b| a + b),
    ),
    ("a + b", |a, b, _| a.add(b), |a, b, _| each(a, b, |a, b| a + b)),
    ("b - a", |a, b, _| b.sub(a), |a, b, _| each(a, b, |a, b| b - a)),
    ("a - a", |a, _, _| a.sub(a), |a, _, _| each(a, a, |a, b| a - b)),
    (
        "k - a",
        |a, _, k| taut::full([1], k, a.device())?.sub(a),
        |a, _, k| a.iter().map(|a| k as f32 - a).collect(),
    ),
    ("a * k + b", |a, b, k| a.mul(k)?.add(b), |a, b, k| each(a, b, |a, b| a * k as f32 + b)),
    ("a^T", |a, _, _| a.t()?.contiguous(), |a, _, _| transposed(a)),
    (
        "sum of columns",
        |a, _, k| a.mul(k)?.sum(0),
        |a, _, k| {
            let rows = if a.len() == COLUMNS { 1 } else { ROWS };
            of_columns(rows, a, |column| column.iter().map(|a| a * k as f32).sum())
        },
    ),
    (
        "sum",
        |a, b, k| a.mul(b)?.add(k)?.sum(()),
        |a, b, k| vec![each(a, b, |a, b| a * b + k as f32).into_iter().sum()],
    ),
    (
        "mean",
        |a, _, _| a.mean(dims([0, 1]).keepdim()),
        |a, _, _| vec![a.iter().sum::<f32>() / a.len() as f32],
    ),
    (
        "largest of columns",
        |a, _, _| a.amax(0),
        |a, _, _| {
            let rows = if a.len() == COLUMNS { 1 } else { ROWS };
            of_columns(rows, a, |column| column.into_iter().fold(f32::NEG_INFINITY, f32::max))
        },
    ),
    (
        "sums so far",
        |a, _, k| a.reshape([-1])?.sub(k)?.cumsum(0),
        |a, _, k| {
            let mut sum = 0.0;
            a.iter()
                .map(|a| {
                    sum += a - k as f32;
                    sum
                })
                .collect()
        },
    ),
];

/// Small numbers, of which sums are exact.
fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7 + seed * 5) % 23) as f32 - 8.0).collect()
}

fn check(device: Device) -> Result<()> {
    for (name, operation, expected) in OPERATIONS {
        for round in 0..4 {
            let [a, b] = [2 * round, 2 * round + 1].map(|seed| numbers(ROWS * COLUMNS, seed));
            let matrix = |values: &[f32]| from_slice(values, [ROWS, COLUMNS], device);
            let k = round as i32 - 1;
            let found = operation(&matrix(&a)?, &matrix(&b)?, k)?.to_vec::<f32>()?;
            assert_eq!(found, expected(&a, &b, k), "{device}: {name}, round {round}");
            if name.contains("a^T") || name.contains("b^T") {
                continue;
            }
            // The same of the second row alone, which lies elsewhere.
            let row = |values: &[f32]| matrix(values)?.narrow(0, 1, 1);
            let found = operation(&row(&a)?, &row(&b)?, k)?.to_vec::<f32>()?;
            let [a, b] = [&a[COLUMNS..2 * COLUMNS], &b[COLUMNS..2 * COLUMNS]];
            assert_eq!(found, expected(a, b, k), "{device}: {name} of a row, round {round}");
        }
    }
    Ok(())
}

#[test]
fn random_numbers_of_programs_that_come_again_are_new() -> Result<()> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let random = |seed: u64, device: Device| {
        taut::manual_seed(seed);
        taut::rand([ROWS as i64, COLUMNS as i64], device)
    };
    for device in devices() {
        let mut last = Vec::new();
        for round in 0..5 {
            let x = random(round, device)?;
            let found = x.div(&x.sum(dims([1]).keepdim())?)?.to_vec::<f32>()?;
            // One operation after the other.
            let x = random(round, device)?;
            let sum = x.eval()?.sum(dims([1]).keepdim())?;
            assert_eq!(found, x.div(sum.eval()?)?.to_vec::<f32>()?, "{device}, round {round}");
            assert_ne!(found, last, "{device}, round {round}");
            last = found;
        }
    }
    Ok(())
}

#[test]
fn what_comes_again_is_refused_where_its_own_data_are() -> Result<()> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for device in devices() {
        let numbers = numbers(COLUMNS, 1);
        let x = from_slice(&numbers, [COLUMNS], device)?;
        let index = |is_bad: bool| from_slice(&[0_i64, if is_bad { 6 } else { 5 }], [2], device);
        for round in 0..16 {
            // None of two, the one, the other, both; and one by itself.
            let [one, other] = [1, 2].map(|bit| round & bit > 0);
            let picked = x.index_select(0, &index(one)?)?;
            let sum = picked.add(&x.gather(0, &index(other)?)?)?.to_vec::<f32>();
            let alone = x.take(&index(one)?)?.to_vec::<f32>();
            let expected = [numbers[0], numbers[5]];
            let twice = expected.map(|x| x + x);
            let first = if one { "index_select" } else { "gather" };
            for (what, found, is_bad, expected) in
                [(first, sum, one || other, twice), ("take", alone, one, expected)]
            {
                if !is_bad {
                    assert_eq!(found?, expected, "{device}: {what}, round {round}");
                    continue;
                }
                let error = found.expect_err("an index out of range");
                assert_eq!(error.kind(), ErrorKind::Index);
                let place = format!("(in {what}, at");
                assert!(error.to_string().contains(&place), "{device}, round {round}: {error}");
            }
        }
    }
    Ok(())
}

#[test]
fn what_comes_again_gives_what_its_own_data_say() -> Result<()> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    devices().into_iter().try_for_each(check)
}
