//! The text of every row, through every translator.

use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use super::*;
use crate::math::algebra::Float;

const KERNEL: &str = "
@group(0) @binding(0) var<uniform> zero_parameter: u32;
fn opaque_zero() -> u32 { return zero_parameter; }
@compute @workgroup_size(1) fn main() { _ = opaque_zero(); }
";

/// The rows with a meaning in the dtype.
fn rows(dtype: DType) -> impl Iterator<Item = Op> {
    Op::ALL.iter().copied().filter(move |op| op.info().computes_in(dtype))
}

fn validate(source: &str) -> (naga::Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    let capabilities = Capabilities::FLOAT64 | Capabilities::SHADER_INT64;
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    (module, info)
}

/// Prelude and all rows for some dtypes, each name once.
fn everything(dtypes: &[DType], subnormals: Subnormals) -> String {
    let lanes: Vec<Lane> = dtypes.iter().map(|dtype| dtype.lane()).collect();
    let mut source = KERNEL.to_owned() + &prelude(&lanes, subnormals);
    let mut names = std::collections::HashSet::new();
    for &dtype in dtypes {
        for op in rows(dtype) {
            let function = wgsl(op, dtype);
            if names.insert(function.name) {
                source.push_str(&function.text);
            }
        }
    }
    source
}

const NARROW: [DType; 8] = [
    DType::Bool,
    DType::U8,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::F16,
    DType::BF16,
    DType::F32,
];

#[test]
fn rows_of_32_bit_lanes_translate_everywhere() {
    for subnormals in [Subnormals::Kept, Subnormals::Flushed] {
        let source = everything(&NARROW, subnormals);
        let (module, info) = validate(&source);
        spv::write_vec(&module, &info, &spv::Options::default(), None).unwrap();
        let pipeline = msl::PipelineOptions::default();
        msl::write_string(&module, &info, &msl::Options::default(), &pipeline).unwrap();
        let mut text = String::new();
        let options = hlsl::Options::default();
        let pipeline = hlsl::PipelineOptions::default();
        hlsl::Writer::new(&mut text, &options, &pipeline).write(&module, &info, None).unwrap();
        assert!(text.contains("main"));
    }
}

#[test]
fn rows_of_all_lanes_translate_to_spirv() {
    let source = everything(&DType::ALL, Subnormals::Kept);
    let (module, info) = validate(&source);
    let words = spv::write_vec(&module, &info, &spv::Options::default(), None).unwrap();
    assert!(words.len() > 1000);
}

#[test]
fn rows_of_int64_need_no_float64() {
    let mut dtypes = NARROW.to_vec();
    dtypes.push(DType::I64);
    let source = everything(&dtypes, Subnormals::Flushed);
    assert!(!source.contains("f64"));
    let (module, info) = validate(&source);
    let options = msl::Options { lang_version: (2, 3), ..msl::Options::default() };
    let pipeline = msl::PipelineOptions::default();
    msl::write_string(&module, &info, &options, &pipeline).unwrap();
}

#[test]
fn rows_of_32_bit_lanes_are_standard_wgsl() {
    let source = everything(&NARROW, Subnormals::Kept);
    let path = std::env::temp_dir().join(format!("taut-rows-{}.wgsl", std::process::id()));
    std::fs::write(&path, source).unwrap();
    let run = std::process::Command::new("tint").args(["--format", "wgsl"]).arg(&path).output();
    std::fs::remove_file(&path).unwrap();
    // tint is not everywhere; naga has judged the same text above.
    if let Ok(output) = run {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn text_of_int_floor_division_is_stable() {
    let function = wgsl(Op::DivFloor, DType::I32);
    assert_eq!(function.name, "div_floor_i32");
    assert_eq!(
        function.text,
        "fn div_floor_i32(a: i32, b: i32) -> i32 {
  let v2 = div_i32p(a, b);
  let v3 = rem_i32p(a, b);
  let v5 = (v3 ^ b);
  let v6 = (v5 < 0i);
  let v7 = (v3 != 0i);
  let v8 = (v6 && v7);
  let v10 = select(0i, 1i, v8);
  let v11 = (v2 - v10);
  return v11;
}
"
    );
}

#[test]
fn stepwise_rows_name_their_dtype() {
    assert_eq!(wgsl(Op::DivFloor, DType::F16).name, "div_floor_f16");
    assert!(wgsl(Op::DivFloor, DType::BF16).text.contains("narrow_bf16("));
    assert!(!wgsl(Op::DivFloor, DType::F32).text.contains("narrow"));
    assert_eq!(wgsl(Op::Add, DType::F16).name, "add_f32");
    assert_eq!(wgsl(Op::Add, DType::Bool).name, "add_bool");
}

#[test]
fn constants_outside_the_finite_floats_are_opaque() {
    builder::begin(None);
    let infinity = SymF32::lit(f64::INFINITY);
    let sum = SymF32::argument(0) + infinity + Float::nan();
    let (text, _) = builder::finish(sum.value());
    assert!(text.contains("add_f32p(a, special_f32p(0x7f800000u))"), "{text}");
    assert!(text.contains("special_f32p(0x7fc00000u)"), "{text}");
}
