//! Folds of any layout, and what else their kernels store.

use super::*;

#[test]
fn layouts_of_the_input_do_not_change_the_fold() {
    let Some(device) = device() else { return };
    let value = |i: usize| float(i) as f32;
    let cases: [([&[usize]; 3], &[usize]); 8] = [
        // Transposed, broadcast, with gaps; several dimensions of each part.
        ([&[5], &[300], &[]], &[1, 5]),
        ([&[5], &[300], &[]], &[0, 1]),
        ([&[5], &[300], &[]], &[1, 0]),
        ([&[4], &[7, 11], &[]], &[11, 44, 1]),
        ([&[2, 3], &[20, 30], &[]], &[40, 3000, 100, 1]),
        ([&[], &[50], &[3, 4]], &[30, 9, 2]),
        ([&[2, 3], &[5, 70], &[4, 6]], &[1, 100_000, 7000, 90, 14, 2]),
        ([&[3], &[4, 5, 6], &[2]], &[2, 72, 12, 6, 1]),
    ];
    for ([lead, reduced, trail], strides) in cases {
        let folding = Folding { strides: Some(strides), ..Folding::new(lead, reduced, trail, SUM) };
        check(&device, &folding, value, 0.0, |a, b| a + b, |a| a);
    }
}

#[test]
fn lines_that_begin_anywhere_fold_alike() {
    let half = |i: usize| half::f16::from_f64(float(i) / 1e4);
    let add = |a: half::f16, b: half::f16| half::f16::from_f32(a.to_f32() + b.to_f32());
    // Runs of four elements begin at multiples of that, and so does each line, if there are several, or each
    // element's kept points behind.
    type Parts<'a> = (&'a [usize], usize, &'a [usize]);
    let cases: [(Parts<'_>, usize, bool); 16] = [
        ((&[], 1001, &[]), 0, true),
        ((&[], 1001, &[]), 4, true),
        ((&[], 1001, &[]), 2, false),
        ((&[3], 8, &[]), 12, true),
        ((&[3], 4100, &[]), 4, true),
        ((&[3], 4100, &[]), 1, false),
        ((&[3], 4102, &[]), 0, false),
        ((&[3], 2, &[]), 0, false),
        ((&[], 33, &[8]), 0, true),
        ((&[], 3, &[100]), 4, true),
        ((&[2], 1001, &[12]), 8, true),
        ((&[2], 40, &[3, 4]), 8, true),
        ((&[2], 33, &[8]), 3, false),
        ((&[2], 33, &[10]), 0, false),
        ((&[], 500, &[3]), 0, false),
        ((&[], 40, &[1]), 0, false),
    ];
    for ((lead, n, trail), offset, runs) in cases {
        let Some(device) = device() else { return };
        let n = [n];
        let folding = Folding { offset, ..Folding::new(lead, &n, trail, SUM) };
        check(&device, &folding, |i| noise(i) as u8, 0, u8::wrapping_add, |a| a);
        check(&device, &folding, half, half::f16::ZERO, add, |a| a);
        check(&device, &folding, |i| float(i) as f32, 0.0, |a, b| a + b, |a| a);
        check(&device, &folding, |i| noise(i) as i32, 0, i32::wrapping_add, |a| a);
        let mut folds = 5;
        if supports(&device, DType::I64) {
            let wide = |i| (i64::from(noise(i) as i32) << 20) + i as i64;
            check(&device, &folding, wide, 0, i64::wrapping_add, |a| a);
            folds += 1;
        }
        let place = Folding { offset, ..Folding::new(lead, &n, trail, Fold::ArgMax) };
        check_position(&device, &place, |i| noise(i) as u8 % 40, |_| false, |a, b| a > b);
        let texts = device.shaders();
        let in_runs = texts.iter().filter(|text| text.contains("= load_run"));
        assert_eq!(
            in_runs.count(),
            if runs { folds } else { 0 },
            "{lead:?} {n:?} {trail:?} {offset}"
        );
    }
}

/// `y = x * 3`, stored, and the sum of `y + index`, with a random word stored at each point too.
#[test]
fn stores_beside_a_fold_happen_at_every_point() {
    let Some(device) = device() else { return };
    let cases: [[&[usize]; 3]; 5] = [
        [&[3], &[5000], &[]],
        [&[70], &[3], &[]],
        [&[2], &[700], &[5]],
        [&[2], &[3], &[5]],
        [&[2, 2], &[6, 7], &[]],
    ];
    for [lead, reduced, trail] in cases {
        let folding = Folding::new(lead, reduced, trail, SUM);
        let len = folding.len();
        let x: Vec<u8> = (0..len).map(|i| noise(i) as u8).collect();
        let mut build = Build::new(&folding.shape());
        let (source, target) = (build.dense(0, DType::U8), build.dense(1, DType::U8));
        let words = build.dense(3, DType::I32);
        let value = build.load(source);
        let three = build.scalar(3, DType::U8);
        let tripled = build.node(Expr::Binary(Op::Mul, [value, three]), DType::U8);
        let index = build.node(Expr::Index, DType::I32);
        let wide = build.node(Expr::Cast(tripled), DType::I32);
        let sum = build.node(Expr::Binary(Op::Add, [wide, index]), DType::I32);
        build.0.args.scalars.extend([0x1234_5678_9abc_def0, 7]);
        let random = build.node(Expr::Random { word: 0, words: 1, scalar: 1 }, DType::I32);
        build.store(target, tripled);
        build.store(words, random);
        build.0.args.base = 1000;
        folding.fold(&mut build, sum, 2, DType::I32);
        let source = upload(&device, &x);
        let stored = upload(&device, &vec![0_u8; len]);
        let [lead, _, trail] = folding.lens();
        let out = device.allocate(4 * lead * trail).unwrap();
        let (stream, plain) =
            (device.allocate(4 * len).unwrap(), device.allocate(4 * len).unwrap());
        device.run(&[build.launch(&[&source, &stored, &out, &stream])]).unwrap();

        let tripled: Vec<u8> = x.iter().map(|x| x.wrapping_mul(3)).collect();
        assert_eq!(download::<u8>(&device, &stored, len), tripled);
        let sums: Vec<i32> =
            tripled.iter().zip(1000..).map(|(&x, i): (&u8, i32)| i32::from(x) + i).collect();
        let line = |line: &Vec<i32>| vec![line.iter().sum()];
        let lines: Vec<Vec<i32>> = folding.lines(&sums).iter().map(line).collect();
        assert_eq!(download::<i32>(&device, &out, lead * trail), folding.ordered(&lines));
        // The same stream without a fold.
        let mut build = Build::new(&folding.shape());
        let words = build.dense(0, DType::I32);
        build.0.args.scalars.extend([0x1234_5678_9abc_def0, 7]);
        let random = build.node(Expr::Random { word: 0, words: 1, scalar: 0 }, DType::I32);
        build.store(words, random);
        build.0.args.base = 1000;
        device.run(&[build.launch(&[&plain])]).unwrap();
        let expected = download::<i32>(&device, &plain, len);
        assert_eq!(download::<i32>(&device, &stream, len), expected);
    }
}
