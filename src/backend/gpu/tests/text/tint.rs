//! The text of kernels before `tint`, the WGSL compiler of browsers; needs it on the `PATH`.

use std::collections::BTreeSet;

use super::*;

/// The texts of kernels in standard WGSL, without the 64-bit lanes.
#[derive(Default)]
struct Texts(BTreeSet<String>);

impl Texts {
    fn add(&mut self, code: &Code, text: Text, dialect: Dialect) {
        if !is_wide(code) {
            self.0.insert(codegen::module(code, text, dialect));
        }
    }
}

fn every_text() -> Texts {
    let mut texts = Texts::default();
    for &op in Op::ALL {
        for dtype in DType::ALL.into_iter().filter(|&dtype| op.info().computes_in(dtype)) {
            let code = operation(op, dtype, &[8], &[&[1][..]; 4]);
            texts.add(&code, Text::Points(LONG), KEPT);
            texts.add(&code, Text::Points(ALIGNED), FLUSHED);
        }
    }
    for dtype in DType::ALL {
        for strides in layouts() {
            let code = operation(any_op(dtype), dtype, &[4, 3, 5], &strides);
            for variant in [ALIGNED, LONG, UNALIGNED, TILED] {
                texts.add(&code, Text::Points(variant), KEPT);
            }
        }
        for to in DType::ALL {
            texts.add(&cast(dtype, to), Text::Points(LONG), KEPT);
        }
        for (kind, output) in folds(dtype) {
            for (stage, parts) in STAGES {
                let code = fold_code(kind, [dtype, output], parts, stage);
                texts.add(&code, Text::Fold(stage), KEPT);
            }
        }
    }
    for dtype in DType::ALL.into_iter().filter(|&dtype| dtype != DType::Bool) {
        for (code, product) in products(dtype) {
            texts.add(&code, Text::Product(product), KEPT);
        }
    }
    for dtype in DType::ALL {
        for (code, text) in wholes(dtype) {
            texts.add(&code, text, KEPT);
        }
    }
    for code in [chain(), random(), checked_select()] {
        texts.add(&code, Text::Points(ALIGNED), KEPT);
    }
    for code in [checked_bytes(), random_bytes(), bytes_twice()] {
        texts.add(&code, Text::Points(LONG), KEPT);
    }
    texts
}

/// Every op and dtype, layout, cast, and stage of a fold that the tests beside this one translate.
#[test]
fn text_of_every_32_bit_kernel_is_accepted_by_tint() {
    let texts: Vec<String> = every_text().0.into_iter().collect();
    assert!(texts.len() > 500, "{} texts", texts.len());
    match shaders::refused_by_tint(&texts).unwrap() {
        None => println!("not tested: tint is not on the PATH"),
        Some(refused) => {
            assert!(refused.is_empty(), "{} refused; one: {}", refused.len(), refused[0]);
            println!("{} texts accepted", texts.len());
        }
    }
}
