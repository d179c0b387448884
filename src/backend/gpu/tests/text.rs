//! The text of kernels: valid, translatable, and as it was (insta). Needs no device.

#[path = "../../../../tests/common/shaders.rs"]
mod shaders;
mod tint;

use super::product::Case;
use super::*;
use crate::backend::gpu::codegen::{
    self, Dialect, Product, Scatter, Sort, Stage, Text, Tile, Variant,
};
use crate::dtype::Lane;
use crate::kernel::{Fold, Reduce, SharedCode, Whole};
use crate::math::emit::Subnormals;
use crate::ops::{Op, Output};

const KEPT: Dialect = Dialect { subnormals: Subnormals::Kept, has_int64: false };
const FLUSHED: Dialect = Dialect { subnormals: Subnormals::Flushed, ..KEPT };
const SUM: Fold = Fold::Op(Op::Add);
const ALIGNED: Variant = Variant {
    loads_aligned: true,
    stores_aligned: true,
    long: false,
    tiled: false,
    partial: false,
};
const LONG: Variant = Variant { long: true, ..ALIGNED };
const UNALIGNED: Variant = Variant { loads_aligned: false, stores_aligned: false, ..ALIGNED };
const PARTIAL: Variant = Variant { partial: true, stores_aligned: false, ..ALIGNED };
const TILED: Variant = Variant { tiled: true, ..ALIGNED };

fn is_wide(code: &Code) -> bool {
    let nodes = code.nodes.iter().map(|node| node.dtype);
    let factors = code.operands.iter().filter(|_| code.whole.is_some()).map(|o| o.dtype);
    nodes.chain(factors).any(|dtype| matches!(dtype.lane(), Lane::I64 | Lane::F64))
}

fn translated(code: &Code, variant: Variant) -> String {
    translated_for(code, variant, KEPT)
}

/// Parses, validates and translates the module of a kernel; gives its text.
fn translated_for(code: &Code, variant: Variant, dialect: Dialect) -> String {
    translated_text(code, Text::Points(variant), dialect)
}

fn translated_text(code: &Code, text: Text, dialect: Dialect) -> String {
    let text = codegen::module(code, text, dialect);
    assert!(shaders::is_standard(&text) || is_wide(code), "64-bit numbers in {text}");
    if let Err(error) = shaders::translate(&text) {
        panic!("{error}");
    }
    text
}

#[test]
fn checks_of_shaders_find_what_is_wrong() {
    let text = |line: &str| format!("@compute @workgroup_size(64)\nfn main() {{ {line} }}\n");
    assert!(shaders::translate(&text("let x: u32 = 1.5;")).unwrap_err().contains("u32"));
    // It says that it is standard WGSL and is not: a literal of int64 without the type's name.
    assert!(shaders::translate(&text("var x = 1li;")).unwrap_err().contains("1li"));
    assert!(!shaders::is_standard(&text("var x: i64 = 1;")));
    assert!(shaders::check(&[text("var x = 1li;")]).is_err());
}

/// `out = op(..)` of operands with these layouts, the last of which is the output.
fn operation(op: Op, dtype: DType, shape: &[usize], strides: &[&[usize]]) -> SharedCode {
    let mut build = Build::new(shape);
    let info = op.info();
    let arguments: Vec<Value> = (0..info.arity)
        .map(|i| {
            let operand = build.operand(i as u8, dtype, 0, strides[i]);
            build.load(operand)
        })
        .collect();
    let result = if info.output == Output::Mask { DType::Bool } else { dtype };
    let expr = match arguments[..] {
        [a] => Expr::Unary(op, a),
        [a, b] => Expr::Binary(op, [a, b]),
        [a, b, c] => Expr::Ternary(op, [a, b, c]),
        _ => unreachable!("no op has another arity"),
    };
    let value = build.node(expr, result);
    let out = build.operand(info.arity as u8, result, 0, strides[info.arity]);
    build.store(out, value);
    build.0.code
}

#[test]
fn text_of_every_op_and_dtype_translates() {
    for &op in Op::ALL {
        for dtype in DType::ALL.into_iter().filter(|&dtype| op.info().computes_in(dtype)) {
            let code = operation(op, dtype, &[8], &[&[1][..]; 4]);
            translated_for(&code, LONG, KEPT);
            translated_for(&code, ALIGNED, FLUSHED);
        }
    }
}

#[test]
fn text_of_every_dtype_and_layout_translates() {
    for dtype in DType::ALL {
        for strides in layouts() {
            let code = operation(any_op(dtype), dtype, &[4, 3, 5], &strides);
            for variant in [ALIGNED, LONG, UNALIGNED, TILED] {
                translated(&code, variant);
            }
        }
    }
}

/// An op that computes in the dtype.
fn any_op(dtype: DType) -> Op {
    if dtype == DType::Bool { Op::Mul } else { Op::Add }
}

/// Strides of two operands and the output in every class, over the shape (4, 3, 5).
fn layouts() -> impl Iterator<Item = [&'static [usize]; 3]> {
    const LAYOUTS: [&[usize]; 3] = [&[15, 5, 1], &[1, 3, 12], &[0, 0, 0]];
    let pairs = LAYOUTS.into_iter().flat_map(|a| LAYOUTS.into_iter().map(move |b| (a, b)));
    pairs.flat_map(|(a, b)| LAYOUTS[..2].iter().map(move |&out| [a, b, out]))
}

#[test]
fn text_of_every_cast_translates() {
    for from in DType::ALL {
        for to in DType::ALL {
            translated(&cast(from, to), ALIGNED);
            translated(&cast(from, to), LONG);
        }
    }
}

fn cast(from: DType, to: DType) -> SharedCode {
    let mut build = Build::new(&[8]);
    let (source, target) = (build.dense(0, from), build.dense(1, to));
    let value = build.load(source);
    let value = build.node(Expr::Cast(value), to);
    build.store(target, value);
    build.0.code
}

/// A stage of a fold over `parts` dimensions: kept, folded, kept; an operand is stored beside it.
fn fold(fold: Fold, dtypes: [DType; 2], parts: [usize; 3], stage: Stage) -> String {
    let code = fold_code(fold, dtypes, parts, stage);
    translated_text(&code, Text::Fold(stage), KEPT)
}

fn fold_code(
    fold: Fold,
    [input, output]: [DType; 2],
    parts: [usize; 3],
    stage: Stage,
) -> SharedCode {
    let [lead, reduced, trail] = parts;
    let scan = matches!(stage, Stage::Scan | Stage::ScanPart);
    let shape = &[2, 3, 4, 5, 6, 7][..lead + reduced + trail];
    let strides = row_major(shape);
    let mut build = Build::new(shape);
    let mut kept = strides.clone();
    if !scan {
        kept[lead..lead + reduced].fill(0);
    }
    let operand = build.operand(0, output, 0, &kept);
    let source = build.operand(1, input, 0, &strides);
    let beside = build.operand(2, input, 0, &strides);
    let value = build.load(source);
    build.store(beside, value);
    let (lead, reduced) = (lead as u8, reduced as u8);
    let reduce = Reduce { fold, value, operand, identity: 0, lead, reduced, scan };
    build.0.code.reduce = Some(reduce);
    build.0.code
}

/// The stages, each with its parts.
const STAGES: [(Stage, [usize; 3]); 12] = [
    (Stage::WholeAligned, [1, 2, 2]),
    (Stage::PartialAligned, [0, 1, 1]),
    (Stage::WholeAligned, [1, 1, 0]),
    (Stage::PartialAligned, [2, 2, 0]),
    (Stage::Whole, [2, 2, 0]),
    (Stage::Whole, [0, 1, 2]),
    (Stage::Partial, [1, 1, 0]),
    (Stage::Partial, [2, 2, 2]),
    (Stage::Pairs, [0, 0, 0]),
    (Stage::Last, [2, 0, 1]),
    (Stage::Scan, [2, 1, 2]),
    (Stage::ScanPart, [0, 1, 0]),
];

/// Every fold of a dtype with the dtype of its result.
fn folds(dtype: DType) -> impl Iterator<Item = (Fold, DType)> {
    let ops = [Op::Add, Op::Mul, Op::Maximum, Op::Minimum].map(|op| (Fold::Op(op), dtype));
    ops.into_iter().chain([Fold::ArgMax, Fold::ArgMin].map(|fold| (fold, DType::I64)))
}

#[test]
fn text_of_every_fold_translates() {
    for dtype in DType::ALL {
        for (kind, output) in folds(dtype) {
            for (stage, parts) in STAGES {
                fold(kind, [dtype, output], parts, stage);
            }
        }
    }
}

/// Every text of a product with its structure; one and several batch dimensions.
fn products(dtype: DType) -> Vec<(SharedCode, Product)> {
    let tiles =
        Tile::ALL.into_iter().flat_map(|tile| [Product::Whole(tile), Product::Partial(tile)]);
    let each = tiles.chain([Product::Sum]).flat_map(|product| {
        [&[][..], &[2, 3]].map(|batches| {
            let mut code = Case::new(batches, 5, 6, 7).build(dtype, [0, 0]).0.code;
            code.operands.iter_mut().for_each(|operand| operand.class = Class::Strided);
            if product == Product::Sum {
                code.operands.drain(..2);
                code.operands[0].buffer = 0;
            }
            (code, product)
        })
    });
    each.collect()
}

#[test]
fn text_of_every_product_translates() {
    for dtype in DType::ALL.into_iter().filter(|&dtype| dtype != DType::Bool) {
        for (code, product) in products(dtype) {
            translated_text(&code, Text::Product(product), KEPT);
        }
    }
}

/// Every text of a sort by keys of a dtype, and of a scatter of it, with its structure.
fn wholes(dtype: DType) -> Vec<(SharedCode, Text)> {
    let whole = |whole, dtypes: &[DType]| {
        let mut build = Build::new(&[4, 5]);
        for (&dtype, buffer) in dtypes.iter().zip(0..) {
            build.operand(buffer, dtype, 0, &[1, 4]);
        }
        build.0.code.whole = Some(whole);
        build.0.code
    };
    let sorts = Sort::ALL.into_iter().flat_map(|sort| {
        [DType::I64, DType::I32].map(|position| {
            let operands: &[DType] = match sort {
                Sort::Load | Sort::Store => &[dtype, position],
                Sort::Tile(_) | Sort::Merge(_) => &[],
            };
            (whole(Whole::SORT, operands), Text::Sort(sort))
        })
    });
    let op = any_op(dtype);
    let scatters = Scatter::ALL.into_iter().flat_map(|scatter| {
        let fold = (scatter == Scatter::Fold).then_some(op);
        [DType::I64, DType::I32].map(|address| {
            let operands = [address, dtype, dtype];
            (whole(Whole::Scatter { fold }, &operands), Text::Scatter(scatter))
        })
    });
    sorts.chain(scatters).collect()
}

#[test]
fn text_of_every_sort_and_scatter_translates() {
    for dtype in DType::ALL {
        for (code, text) in wholes(dtype) {
            let text = translated_text(&code, text, KEPT);
            // What is moved by its bits needs no 64-bit numbers.
            let folds = matches!(code.whole, Some(Whole::Scatter { fold: Some(_) }));
            assert!(shaders::is_standard(&text) || folds, "{text}");
            assert!(!text.contains('$'), "{text}");
        }
    }
}

fn chain() -> SharedCode {
    let mut build = Build::new(&[8]);
    let a = build.dense(0, DType::F32);
    let a_value = build.load(a);
    let two = build.scalar(0, DType::F32);
    let product = build.node(Expr::Binary(Op::Mul, [a_value, two]), DType::F32);
    let sum = build.node(Expr::Binary(Op::Add, [product, a_value]), DType::F32);
    build.store(a, sum);
    build.0.code
}

fn random() -> SharedCode {
    let mut build = Build::new(&[8]);
    let out = build.dense(0, DType::I32);
    build.0.args.scalars.extend([0, 0]);
    let value = build.node(Expr::Random { word: 1, words: 2, scalar: 0 }, DType::I32);
    build.store(out, value);
    build.0.code
}

fn checked_select() -> SharedCode {
    let mut build = Build::new(&[8]);
    let (mask, out) = (build.dense(0, DType::Bool), build.dense(1, DType::I16));
    let (mask, old) = (build.load(mask), build.load(out));
    let index = build.node(Expr::Index, DType::I32);
    let index = build.node(Expr::Cast(index), DType::I16);
    let value = build.node(Expr::Select([mask, index, old]), DType::I16);
    build.store(out, value);
    build.check(mask, 1);
    build.0.code
}

/// As [`checked_select`], of bytes alone.
fn checked_bytes() -> SharedCode {
    let mut build = Build::new(&[40]);
    let (mask, out) = (build.dense(0, DType::Bool), build.dense(1, DType::U8));
    let (mask, old) = (build.load(mask), build.load(out));
    let value = build.node(Expr::Binary(Op::Add, [old, old]), DType::U8);
    let value = build.node(Expr::Select([mask, value, old]), DType::U8);
    build.store(out, value);
    build.check(mask, 1);
    build.0.code
}

/// Random words to bytes.
fn random_bytes() -> SharedCode {
    let mut build = Build::new(&[40]);
    let out = build.dense(0, DType::U8);
    build.0.args.scalars.extend([0, 0]);
    let value = build.node(Expr::Random { word: 0, words: 1, scalar: 0 }, DType::I32);
    let value = build.node(Expr::Cast(value), DType::U8);
    build.store(out, value);
    build.0.code
}

/// Two stores to one buffer.
fn bytes_twice() -> SharedCode {
    let mut build = Build::new(&[40]);
    let a = build.dense(0, DType::U8);
    let outs = [0, 64].map(|offset| build.operand(1, DType::U8, offset, &[1]));
    let a = build.load(a);
    let sum = build.node(Expr::Binary(Op::Add, [a, a]), DType::U8);
    build.store(outs[0], a);
    build.store(outs[1], sum);
    build.0.code
}

#[test]
fn text_of_long_runs_with_what_else_a_kernel_does_translates() {
    for code in [checked_bytes(), random_bytes(), bytes_twice()] {
        let text = translated(&code, LONG);
        assert!(text.contains("x16_") || text.contains("x16("), "{text}");
    }
}

/// Elements of a table whose rows lie apart, at these places beyond.
fn fetch(at: DType) -> SharedCode {
    let mut build = Build::new(&[4, 5]);
    let (places, table) = (build.dense(0, at), build.operand(1, DType::F32, 0, &[9, 1]));
    let out = build.dense(2, DType::F32);
    let at = build.load(places);
    let value = build.node(Expr::Fetch { operand: table, at }, DType::F32);
    build.store(out, value);
    build.0.code
}

#[test]
fn text_of_fetches_translates() {
    for at in [DType::I32, DType::I64] {
        for variant in [ALIGNED, UNALIGNED, PARTIAL] {
            translated(&fetch(at), variant);
        }
    }
}

#[test]
fn words_are_multiplied_as_64_bits_where_there_are_such() {
    let text = |has_int64| {
        let dialect = Dialect { has_int64, ..KEPT };
        codegen::module(&random(), Text::Points(ALIGNED), dialect)
    };
    assert!(shaders::is_standard(&text(false)));
    let native = text(true);
    assert!(native.contains("u64(a) * u64(b)"), "{native}");
    shaders::translate(&native).unwrap();
}

#[test]
fn halves_are_rounded_once_where_they_are_only_stored() {
    let mut build = Build::new(&[8]);
    let [a, first, second] = [0, 1, 2].map(|buffer| build.dense(buffer, DType::F16));
    let a = build.load(a);
    let sum = build.node(Expr::Binary(Op::Add, [a, a]), DType::F16);
    let product = build.node(Expr::Binary(Op::Mul, [sum, a]), DType::F16);
    build.store(first, sum);
    build.store(second, product);
    let text = translated(&build.0.code, ALIGNED);
    assert!(text.contains("let v1 = narrow_f16(add_f32(v0, v0));"), "{text}");
    assert!(text.contains("let v2 = mul_f32(v1, v0);"), "{text}");
}

#[test]
fn text_of_typical_kernels_is_as_reviewed() {
    let (row, transposed, broadcast): (&[usize], &[usize], &[usize]) = (&[5, 1], &[1, 4], &[0, 1]);
    let add = |dtype, strides: &[&[usize]]| operation(Op::Add, dtype, &[4, 5], strides);
    let kernels = [
        ("add_f32", add(DType::F32, &[row; 3]), ALIGNED),
        ("add_f32_unaligned", add(DType::F32, &[row; 3]), UNALIGNED),
        ("add_f32_transposed_broadcast", add(DType::F32, &[transposed, broadcast, row]), ALIGNED),
        ("add_f32_tiled", add(DType::F32, &[transposed, row, row]), TILED),
        ("add_u8_into_transposed", add(DType::U8, &[row, row, transposed]), ALIGNED),
        ("add_f16", add(DType::F16, &[row; 3]), LONG),
        ("add_u8", add(DType::U8, &[row; 3]), LONG),
        ("add_i64", add(DType::I64, &[row; 3]), ALIGNED),
        ("add_f64", add(DType::F64, &[row; 3]), ALIGNED),
        ("chain_in_place", chain(), ALIGNED),
        ("random", random(), ALIGNED),
        ("checked_select", checked_select(), ALIGNED),
        ("fetch_f32_partial", fetch(DType::I32), PARTIAL),
    ];
    for (name, code, variant) in kernels {
        insta::assert_snapshot!(name, translated(&code, variant));
    }
    let folds = [
        ("sum_f32_inner", SUM, [1, 1, 0], Stage::Partial),
        ("sum_f32_inner_aligned", SUM, [1, 1, 0], Stage::WholeAligned),
        ("sum_f32_outer", SUM, [0, 2, 1], Stage::Whole),
        ("sum_f32_scan", SUM, [0, 1, 1], Stage::Scan),
        ("sum_f32_last", SUM, [1, 0, 0], Stage::Last),
        ("argmax_f32_inner", Fold::ArgMax, [0, 1, 0], Stage::Whole),
    ];
    for (name, kind, parts, stage) in folds {
        let output = if kind == SUM { DType::F32 } else { DType::I64 };
        insta::assert_snapshot!(name, fold(kind, [DType::F32, output], parts, stage));
    }
    let partial = Product::Partial(Tile::Square);
    let products = products(DType::F16);
    let (code, product) = products.iter().find(|(_, product)| *product == partial).unwrap();
    let text = translated_text(code, Text::Product(*product), KEPT);
    insta::assert_snapshot!("product_f16_partial", text);
    let scatters = wholes(DType::I16);
    for (name, scatter) in [("scatter_add_i16", Scatter::Fold), ("scatter_i16_mark", Scatter::Mark)]
    {
        let (code, text) =
            scatters.iter().find(|(_, text)| *text == Text::Scatter(scatter)).unwrap();
        insta::assert_snapshot!(name, translated_text(code, *text, KEPT));
    }
}
