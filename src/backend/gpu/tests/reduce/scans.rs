//! Every prefix of a line.

use super::*;
use crate::math::compare;

/// A scan by a plain fold.
#[track_caller]
pub(super) fn check_scan<T: Bits, R: Bits>(
    device: &GpuBackend,
    folding: &Folding<'_>,
    value: impl Fn(usize) -> T,
    scan: impl Fn(&[T]) -> Vec<R>,
) {
    let values: Vec<T> = (0..folding.len()).map(value).collect();
    let lines: Vec<Vec<R>> = folding.lines(&values).iter().map(|line| scan(line)).collect();
    let expected = folding.ordered(&lines);
    let source = upload(device, &values);
    let out = device.allocate(expected.len() * size_of::<R>()).unwrap();
    device.run(&[folding.build(T::DTYPE, T::DTYPE, R::DTYPE).launch(&[&source, &out])]).unwrap();
    let what = format!("scan by {:?} of {:?}", folding.fold, folding.shape());
    assert_bits(&download::<R>(device, &out, expected.len()), &expected, &what);
}

/// A running sum in float32, as the section on scans says.
pub(super) fn running_sum(line: &[f32]) -> Vec<f32> {
    let (mut a, mut c) = (0.0_f32, 0.0_f32);
    let step = |&x: &f32| {
        let s = a + x;
        let t = s - a;
        c += (a - (s - t)) + (x - t);
        a = s;
        if c.is_finite() { s + c } else { s }
    };
    line.iter().map(step).collect()
}

pub(super) fn scanning<'a>(
    lead: &'a [usize],
    n: &'a [usize],
    trail: &'a [usize],
    fold: Fold,
    identity: u64,
) -> Folding<'a> {
    Folding { identity, scan: true, ..Folding::new(lead, n, trail, fold) }
}

#[test]
fn scans_store_every_prefix() {
    let Some(device) = device() else { return };
    let cases: [[&[usize]; 3]; 4] =
        [[&[], &[3000], &[]], [&[300], &[7], &[]], [&[], &[100], &[9]], [&[2, 3], &[50], &[3]]];
    for [lead, n, trail] in cases {
        let folding = |fold, identity| scanning(lead, n, trail, fold, identity);
        let number = |i: usize| float(i) as f32;
        check_scan(&device, &folding(SUM, 0), number, running_sum);
        let infinite = |i: usize| if i % 19 == 18 { f32::INFINITY } else { number(i) };
        check_scan(&device, &folding(SUM, 0), infinite, running_sum);
        let half = |line: &[f32]| running_sum(line).into_iter().map(half::f16::from_f32).collect();
        check_scan(&device, &folding(SUM, 0), number, |line| -> Vec<half::f16> { half(line) });
        let int = |i| noise(i) as i32;
        check_scan(&device, &folding(SUM, 0), int, |line| {
            line.iter()
                .scan(0, |a: &mut i32, &x| {
                    *a = a.wrapping_add(x);
                    Some(*a)
                })
                .collect::<Vec<i32>>()
        });
        let highest = Fold::Op(Op::Maximum);
        let low = u64::from(f32::NEG_INFINITY.to_bits());
        check_scan(&device, &folding(highest, low), number, |line| {
            let step = |a: &mut f32, &x: &f32| {
                *a = compare::maximum(*a, x);
                Some(*a)
            };
            line.iter().scan(f32::NEG_INFINITY, step).collect::<Vec<f32>>()
        });
        let few = |i: usize| (float(i) / 1e3).round() as f32;
        let largest = folding(Fold::ArgMax, 0);
        check_position(&device, &largest, few, f32::is_nan, |a, b| a > b);
        if supports(&device, DType::F64) {
            check_scan(&device, &folding(SUM, 0), float, |line| {
                line.iter()
                    .scan(0.0, |a, &x| {
                        *a += x;
                        Some(*a)
                    })
                    .collect::<Vec<f64>>()
            });
        }
    }
}
