//! The positions of extremes.

use super::*;

#[test]
fn position_of_the_first_extreme_is_found() {
    let Some(device) = device() else { return };
    for n in [&[1][..], &[17], &[257], &[5000], &[30, 20]] {
        for (lead, trail) in [(&[2][..], &[][..]), (&[], &[3])] {
            let largest = Folding::new(lead, n, trail, Fold::ArgMax);
            let smallest = Folding::new(lead, n, trail, Fold::ArgMin);
            // Few values, so that many are equal.
            let int = |i| noise(i) as i32 % 40;
            check_position(&device, &largest, int, |_| false, |a, b| a > b);
            check_position(&device, &smallest, int, |_| false, |a, b| a < b);
            let number = |i| (float(i) / 1e3).round() as f32;
            check_position(&device, &largest, number, f32::is_nan, |a, b| a > b);
            check_position(&device, &smallest, number, f32::is_nan, |a, b| a < b);
            let nan = |i| if noise(i) % 300 == 7 { f32::NAN } else { number(i) };
            check_position(&device, &largest, nan, f32::is_nan, |a, b| a > b);
            check_position(&device, &smallest, nan, f32::is_nan, |a, b| a < b);
            let none = |_| f32::NEG_INFINITY;
            check_position(&device, &largest, none, f32::is_nan, |a, b| a > b);
            if supports(&device, DType::I64) {
                let wide = |i| i64::from(noise(i) as i32 % 40) << 33;
                check_position(&device, &largest, wide, |_| false, |a, b| a > b);
            }
            if supports(&device, DType::F64) {
                check_position(&device, &smallest, float, f64::is_nan, |a, b| a < b);
            }
        }
    }
}
