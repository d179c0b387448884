//! The parts of the golden runner that know no tensor: format, comparison, report.
#![allow(dead_code, reason = "the runner in golden/main.rs uses what no test here needs")]

#[path = "golden/case.rs"]
mod case;
#[path = "golden/compare.rs"]
mod compare;
#[path = "golden/host.rs"]
mod host;
#[path = "golden/options.rs"]
mod options;
#[path = "golden/parse.rs"]
mod parse;
#[path = "golden/report.rs"]
mod report;
#[path = "golden/skips.rs"]
mod skips;

use std::path::PathBuf;

use case::{Arg, Body, Expect, Item, Nested, Source, Step, ViewStep};
use compare::{Tolerance, compare, compare_nested, compare_text, ulp_distance};
use half::bf16;
use host::{Host, TensorFile};
use options::Filter;
use parse::parse_case;
use report::{Report, Verdict};
use taut::{DType, ErrorKind, Scalar};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn f32s(values: &[f32]) -> Host {
    let bits = values.iter().map(|v| u64::from(v.to_bits())).collect();
    Host { dtype: DType::F32, shape: vec![values.len()], bits }
}

#[test]
fn every_recorded_case_parses_and_its_tensors_exist() {
    let lines = std::fs::read_to_string(folder().join("cases.jsonl")).unwrap();
    let tensors = TensorFile::open(&folder().join("tensors.safetensors")).unwrap();
    let mut seen = std::collections::HashSet::new();
    for line in lines.lines() {
        let case = parse_case(line).unwrap();
        assert_eq!(case.id.split('/').next(), Some(case.category.as_str()));
        assert!(seen.insert(case.id.clone()), "{} occurs twice", case.id);
        if let Body::Single(single) = &case.body
            && let Expect::Tensor(key) = &single.expect
        {
            tensors.get(key).unwrap();
        }
    }
    assert!(seen.len() > 10_000);
}

#[test]
fn a_single_case_is_read_field_by_field() {
    let case = parse_case(
        r#"{"id":"x/add/0","category":"x","tier":2,"tags":["big"],"op":"add_","inplace":true,
        "args":[{"t":"a","view":[["slice",-1,null,3,2],["flip",[0]]]},{"float":"-inf"},null],
        "kwargs":{"alpha":{"bool":true}},"out":"b","base_after":"c","tol":{"ulp":2},
        "layout":{"aliases":true,"stride":[3,1],"offset":4,"contiguous":false}}"#,
    )
    .unwrap();
    assert_eq!(case.tolerance, Tolerance::Ulp(2));
    let Body::Single(single) = case.body else { panic!("a program") };
    assert!(single.call.in_place);
    let Arg::Tensor(target) = &single.call.args[0] else { panic!("no tensor") };
    assert_eq!(target.source, Source::Key("a".into()));
    let slice = ViewStep::Slice { dim: -1, start: None, stop: Some(3), step: 2 };
    assert_eq!(target.view, [slice, ViewStep::Flip(vec![0])]);
    assert_eq!(single.call.args[1..], [Arg::Scalar(Scalar::Float(f64::NEG_INFINITY)), Arg::None]);
    assert_eq!(single.call.kwargs, [("alpha".into(), Arg::Scalar(Scalar::Bool(true)))]);
    assert_eq!(single.expect, Expect::Tensor("b".into()));
    assert_eq!(single.base_after.as_deref(), Some("c"));
    assert_eq!(single.layout.unwrap().stride, Some(vec![3, 1]));
}

#[test]
fn lists_and_indices_are_told_apart() {
    let case = parse_case(
        r#"{"id":"x/y","category":"x","tier":1,"op":"setitem","inplace":true,
        "args":[{"list":[1,-2]},{"list":[]},{"list":[{"t":"a"}]},
        {"index":[{"int":-1},{"slice":[null,2,null]},{"ellipsis":true},{"newaxis":true},{"t":"m"}]}],
        "out":{"error":"overlap","message":"no"}}"#,
    )
    .unwrap();
    assert!(case.expects_refusal());
    assert_eq!(case.calls()[0].name(), "setitem[tensor]");
    let Body::Single(single) = case.body else { panic!("a program") };
    let Expect::Refused(refusal) = &single.expect else { panic!("no error") };
    assert_eq!(refusal.kind, ErrorKind::Overlap);
    let [ints, empty, Arg::Tensors(tensors), Arg::Index(items)] = &single.call.args[..] else {
        panic!("{:?}", single.call.args)
    };
    assert_eq!((ints, empty), (&Arg::Ints(vec![1, -2]), &Arg::Ints(vec![])));
    assert_eq!(tensors.len(), 1);
    let slice = Item::Slice { start: None, stop: Some(2), step: 1 };
    assert_eq!(items[..4], [Item::Int(-1), slice, Item::Ellipsis, Item::NewAxis]);
}

#[test]
fn results_of_every_kind_are_read() {
    let expect = |result: &str| {
        let line = format!(r#"{{"id":"x","category":"x","tier":1,"op":"tolist",{result}}}"#);
        let Body::Single(single) = parse_case(&line).unwrap().body else { panic!("a program") };
        single.expect
    };
    let float = |v| Nested::Scalar(Scalar::Float(v));
    let list = Nested::List(vec![Nested::Scalar(Scalar::Int(2)), float(2.0)]);
    assert_eq!(expect(r#""value":[2,2.0]"#), Expect::Value(list));
    assert_eq!(expect(r#""value":"inf""#), Expect::Value(float(f64::INFINITY)));
    assert_eq!(expect(r#""value":false"#), Expect::Value(Nested::Scalar(Scalar::Bool(false))));
    assert_eq!(expect(r#""out":[],"tol":"exact""#), Expect::Value(Nested::List(vec![])));
    assert_eq!(expect(r#""out":["a","b"]"#), Expect::Tensors(vec!["a".into(), "b".into()]));
    assert_eq!(expect(r#""out_dtype":"int16""#), Expect::DType(DType::I16));
    assert_eq!(expect(r#""out_dtype":"bool","out_shape":[2]"#), Expect::Meta(DType::Bool, vec![2]));
    assert_eq!(expect(r#""text":"dtype=torch.int8""#), Expect::Text("dtype=int8".into()));
}

#[test]
fn a_program_is_read_step_by_step() {
    let case = parse_case(
        r#"{"id":"program/p","op":"program","category":"program","tier":1,"inputs":{"a":"t1"},
        "steps":[{"let":"v","op":"t","args":[{"v":"a"}]},{"do":"setitem","args":[{"v":"v"}]},
        {"check":"a","out":"t2"},{"drop":"a"},
        {"fail":"index","message":"m","op":"add_","args":[{"v":"v"}]}],
        "expect":{"v":"t3"},"tol":{"rtol":1e-6,"atol":0.0}}"#,
    )
    .unwrap();
    assert_eq!(case.tolerance, Tolerance::Close { rtol: 1e-6, atol: 0.0 });
    assert_eq!(case.calls().len(), 3);
    let Body::Program(program) = case.body else { panic!("a single case") };
    assert_eq!(program.inputs, [("a".into(), "t1".into())]);
    assert_eq!(program.expect, [("v".into(), "t3".into())]);
    assert!(matches!(&program.steps[0], Step::Let(name, call) if name == "v" && !call.in_place));
    assert!(matches!(&program.steps[1], Step::Do(call) if call.in_place));
    assert_eq!(program.steps[2], Step::Check("a".into(), "t2".into()));
    assert_eq!(program.steps[3], Step::Drop("a".into()));
    let Step::Fail(refusal, call) = &program.steps[4] else { panic!("no failure") };
    assert_eq!((refusal.kind, call.in_place), (ErrorKind::Index, true));
}

#[test]
fn what_the_parser_does_not_know_is_an_error() {
    let unknown = parse_case(r#"{"id":"x/y","category":"x","op":"t","out":"a","new":1}"#);
    assert_eq!(unknown.unwrap_err(), "x/y: unknown field 'new'");
    let step = r#"{"id":"x","category":"x","op":"t","args":[{"t":"a","view":[["roll",1]]}]}"#;
    assert!(parse_case(step).unwrap_err().contains("unknown view step"));
}

#[test]
fn ulp_distance_counts_representable_numbers() {
    let f32_distance =
        |a: f32, b: f32| ulp_distance(DType::F32, a.to_bits().into(), b.to_bits().into());
    assert_eq!(f32_distance(1.0, 1.0_f32.next_up()), Some(1));
    assert_eq!(f32_distance(-0.0, 0.0), Some(0));
    assert_eq!(f32_distance(f32::from_bits(1), -f32::from_bits(1)), Some(2));
    assert_eq!(f32_distance(f32::MAX, f32::INFINITY), Some(1));
    assert_eq!(f32_distance(f32::NAN, 1.0), None);
    let (low, high) = (f64::MIN.to_bits(), f64::MAX.to_bits());
    assert_eq!(ulp_distance(DType::F64, low, high), Some(2 * f64::MAX.to_bits()));
    let (a, b) = (bf16::from_f32(1.0).to_bits(), bf16::from_f32(1.0078125).to_bits());
    assert_eq!(ulp_distance(DType::BF16, a.into(), b.into()), Some(1));
    assert_eq!(ulp_distance(DType::I32, 1, 2), None);
}

#[test]
fn exact_tells_the_zeros_apart_and_no_nan_from_another() {
    let quiet = f32s(&[f32::NAN, 1.0]);
    let payload = f32s(&[f32::from_bits(0xffc0_1234), 1.0]);
    assert_eq!(compare(&quiet, &payload, Tolerance::Exact), Ok(()));
    assert!(compare(&f32s(&[-0.0]), &f32s(&[0.0]), Tolerance::Exact).is_err());
    assert_eq!(compare(&f32s(&[-0.0]), &f32s(&[0.0]), Tolerance::Ulp(0)), Ok(()));
}

#[test]
fn tolerances_hold_at_their_limits() {
    let (one, next) = (f32s(&[1.0]), f32s(&[1.0_f32.next_up().next_up()]));
    assert_eq!(compare(&next, &one, Tolerance::Ulp(2)), Ok(()));
    assert!(compare(&next, &one, Tolerance::Ulp(1)).is_err());
    let close = Tolerance::Close { rtol: 0.25, atol: 0.5 };
    assert_eq!(compare(&f32s(&[3.5]), &f32s(&[4.0]), close), Ok(()));
    assert_eq!(compare(&f32s(&[2.5]), &f32s(&[4.0]), close), Ok(()));
    assert!(compare(&f32s(&[2.4]), &f32s(&[4.0]), close).is_err());
    for tolerance in [Tolerance::Ulp(1), close] {
        assert!(compare(&f32s(&[f32::INFINITY]), &f32s(&[f32::MAX]), tolerance).is_err());
        assert!(compare(&f32s(&[f32::NAN]), &f32s(&[1.0]), tolerance).is_err());
        assert!(compare(&f32s(&[1.0]), &f32s(&[f32::NAN]), tolerance).is_err());
    }
}

#[test]
fn a_difference_is_told_with_its_place() {
    let mut expected = f32s(&[1.0, 2.0, 3.0, 4.0]);
    let mut actual = f32s(&[1.0, 2.0, 3.0_f32.next_up(), 5.0]);
    (expected.shape, actual.shape) = (vec![2, 2], vec![2, 2]);
    let message = compare(&actual, &expected, Tolerance::Exact).unwrap_err();
    assert!(message.starts_with("2 of 4 elements differ, the first at [1, 0]: "), "{message}");
    assert!(message.ends_with("3e0 (0x40400000), 1 ULP"), "{message}");
    expected.shape = vec![4];
    let message = compare(&actual, &expected, Tolerance::Exact).unwrap_err();
    assert_eq!(message, "shape [2, 2], expected [4]");
}

#[test]
fn integers_never_match_within_a_tolerance() {
    let ints = |v: i16| Host::from_bytes(DType::I16, vec![1], &v.to_le_bytes()).unwrap();
    let close = Tolerance::Close { rtol: 1.0, atol: 9.0 };
    assert!(compare(&ints(-2), &ints(-3), close).unwrap_err().contains(": -2, expected -3"));
    assert_eq!(compare(&ints(-3), &ints(-3), close), Ok(()));
}

#[test]
fn nested_lists_compare_types_too() {
    let int = Nested::Scalar(Scalar::Int(1));
    let float = |v| Nested::Scalar(Scalar::Float(v));
    assert!(compare_nested(&int, &float(1.0)).is_err());
    assert!(compare_nested(&float(-0.0), &float(0.0)).is_err());
    assert_eq!(compare_nested(&float(f64::NAN), &float(-f64::NAN)), Ok(()));
    let list = Nested::List(vec![int.clone(), Nested::List(vec![])]);
    assert_eq!(compare_nested(&list, &list.clone()), Ok(()));
    assert_eq!(compare_nested(&list, &int).unwrap_err(), "[1, []], expected 1");
}

#[test]
fn printed_tensors_compare_without_their_gpu() {
    let cpu = "tensor([[1, 2],\n        [3, 4]], dtype=int32)";
    assert_eq!(compare_text(cpu, cpu, false), Ok(()));
    let gpu = cpu.replace(", dtype", ", device='gpu:1', dtype");
    assert!(compare_text(&gpu, cpu, false).is_err());
    assert_eq!(compare_text(&gpu, cpu, true), Ok(()));
    let wrapped = cpu.replace(", dtype", ", device='gpu:0',\n       dtype");
    assert_eq!(compare_text(&wrapped, cpu, true), Ok(()));
    assert!(compare_text(&gpu.replace("1, 2", "1,  2"), cpu, true).is_err());
    let scalar = "tensor(1., device='gpu:0')";
    assert_eq!(compare_text(scalar, "tensor(1.)", true), Ok(()));
    let empty = "tensor([], device='gpu:0', size=(2, 0), dtype=int8)";
    assert_eq!(compare_text(empty, "tensor([], size=(2, 0), dtype=int8)", true), Ok(()));
    assert!(compare_text(empty, "tensor([], size=(3, 0), dtype=int8)", true).is_err());
}

#[test]
fn bytes_go_in_and_out_unchanged() {
    let bytes = [1, 2, 3, 4, 5, 0x86];
    let host = Host::from_bytes(DType::F16, vec![3], &bytes).unwrap();
    assert_eq!(host.bits, [0x0201, 0x0403, 0x8605]);
    assert_eq!(host.bytes(), bytes);
    assert!(Host::from_bytes(DType::F16, vec![2], &bytes).is_err());
}

#[test]
fn flip_reverses_the_named_dims() {
    let bits = (0..6).collect();
    let host = Host { dtype: DType::U8, shape: vec![2, 3], bits };
    assert_eq!(host.flip(&[-1]).unwrap().bits, [2, 1, 0, 5, 4, 3]);
    assert_eq!(host.flip(&[0, 1]).unwrap().bits, [5, 4, 3, 2, 1, 0]);
    assert!(host.flip(&[2]).is_err());
}

#[test]
fn a_filter_names_categories_and_id_prefixes() {
    let filter = Filter::parse("view, program/core");
    assert!(filter.selects("view", "view/t/0000"));
    assert!(filter.selects("program", "program/core/0001"));
    assert!(!filter.selects("program", "program/views/0001"));
    assert!(Filter::parse("").selects("item", "item/item/0000"));
}

#[test]
fn a_report_ends_with_the_sums_alone() {
    let mut report = Report::new(vec!["cpu".into(), "gpu:0".into()]);
    report.add("view", "view/1", 0, Verdict::Passed);
    report.add("view", "view/1", 1, Verdict::Failed("bits\ndiffer".into()));
    report.add("sort", "sort/1", 0, Verdict::Skipped("sort".into()));
    report.add("sort", "sort/1", 1, Verdict::Skipped("sort".into()));
    let text = report.to_string();
    assert_eq!(text.lines().last(), Some("1 passed, 1 failed, 2 skipped"));
    assert!(text.contains("view/1: bits differ"), "{text}");
    assert!(text.contains("sort (1)"), "{text}");
    assert!(report.failed());
}

#[test]
fn a_report_shows_forty_failures_a_device_and_counts_the_rest() {
    let mut report = Report::new(vec!["cpu".into()]);
    for number in 0..43 {
        report.add("view", &format!("view/{number}"), 0, Verdict::Failed("no".into()));
    }
    let text = report.to_string();
    assert_eq!(text.lines().filter(|line| line.contains(": no")).count(), 40);
    assert!(text.contains("and 3 more"), "{text}");
    assert_eq!(report.failures().count(), 43);
}

#[test]
fn skips_are_named_once_and_have_reasons() {
    let names: std::collections::HashSet<_> = skips::OPERATIONS.iter().collect();
    assert_eq!(names.len(), skips::OPERATIONS.len());
    assert!(skips::CASES.iter().all(|(id, reason)| id.contains('/') && !reason.is_empty()));
}
