//! The Philox stream, against the published vectors and a plain reference.

use super::*;

/// Philox4x32-10.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = 0xd251_1f53_u64 * u64::from(counter[0]);
        let b = 0xcd9e_8d57_u64 * u64::from(counter[2]);
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    counter
}

fn word(seed: u64, place: u64) -> i32 {
    let block = place / 4;
    let counter = [block as u32, (block >> 32) as u32, 0, 0];
    philox(counter, [seed as u32, (seed >> 32) as u32])[(place % 4) as usize].cast_signed()
}

/// Runs `len` points from `base`, each storing its word number `word` of `words`.
fn stream(
    device: &GpuBackend,
    len: usize,
    base: u64,
    (word, words): (u8, u8),
    seed: u64,
    offset: u64,
) -> Vec<i32> {
    let out = upload(device, &vec![0_i32; len]);
    let mut build = Build::new(&[len]);
    let target = build.dense(0, DType::I32);
    build.0.args.scalars.extend([seed, offset]);
    build.0.args.base = base;
    let value = build.node(Expr::Random { word, words, scalar: 0 }, DType::I32);
    build.store(target, value);
    device.run(&[build.launch(&[&out])]).unwrap();
    download(device, &out, len)
}

#[test]
fn philox_reference_gives_the_published_vectors() {
    // Random123, kat_vectors, philox4x32 10.
    assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    assert_eq!(
        philox([u32::MAX; 4], [u32::MAX; 2]),
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    );
    assert_eq!(
        philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    );
}

#[test]
fn random_of_zero_seed_gives_the_published_vector() {
    let Some(device) = device() else { return };
    let words = stream(&device, 4, 0, (0, 1), 0, 0);
    let expected = [0x6627_e8d5_u32, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8];
    assert_eq!(words, expected.map(u32::cast_signed));
}

#[test]
fn random_of_any_place_equals_the_reference() {
    for wide in [true, false] {
        let options = GpuOptions { wide, ..Default::default() };
        let Some(device) = device_with(options) else { return };
        assert_any_place_equals_the_reference(&device);
    }
}

fn assert_any_place_equals_the_reference(device: &GpuBackend) {
    let seed = 0x0123_4567_89ab_cdef;
    for (base, (own, words), offset) in [
        (0, (0, 1), 0),
        (0, (0, 1), 3),
        (5, (1, 2), 1),
        (u64::from(u32::MAX) - 10, (2, 3), 7),
        (1 << 40, (0, 255), (1 << 33) + 2),
        (3, (0, 4), u64::MAX - 40),
    ] {
        let stored = stream(device, 1037, base, (own, words), seed, offset);
        for (i, &value) in (0_u64..).zip(&stored) {
            let index = (base + i).wrapping_mul(words.into()).wrapping_add(own.into());
            let place = offset.wrapping_add(index);
            assert_eq!(value, word(seed, place), "{base} {own} of {words} + {offset} at {i}");
        }
    }
}

#[test]
fn two_words_of_a_point_share_a_stream() {
    let Some(device) = device() else { return };
    let (first, second) = (upload(&device, &[0_i32; 100]), upload(&device, &[0_i32; 100]));
    let mut build = Build::new(&[100]);
    let (a, b) = (build.dense(0, DType::I32), build.dense(1, DType::I32));
    build.0.args.scalars.extend([42, 0]);
    let x = build.node(Expr::Random { word: 0, words: 2, scalar: 0 }, DType::I32);
    let y = build.node(Expr::Random { word: 1, words: 2, scalar: 0 }, DType::I32);
    build.store(a, x);
    build.store(b, y);
    device.run(&[build.launch(&[&first, &second])]).unwrap();
    let even: Vec<i32> = (0..100).map(|i| word(42, 2 * i)).collect();
    let odd: Vec<i32> = (0..100).map(|i| word(42, 2 * i + 1)).collect();
    assert_eq!(download::<i32>(&device, &first, 100), even);
    assert_eq!(download::<i32>(&device, &second, 100), odd);
}
