//! The recorded cases that concern nothing but layout: views, basic indexing and their errors.

use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;

use super::{Dims, Layout, Reshape};
use crate::error::{Error, ErrorKind, Result};

const VIEW_OPS: &[&str] = &[
    "broadcast_to",
    "contiguous",
    "expand",
    "flatten",
    "movedim",
    "narrow",
    "permute",
    "reshape",
    "select",
    "squeeze",
    "swapaxes",
    "t",
    "transpose",
    "unsqueeze",
    "view",
];

#[test]
fn golden_views_have_the_recorded_layout_or_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bytes = std::fs::read(folder.join("tensors.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let shape_of = |key: &Value| tensors.tensor(key.as_str().unwrap()).unwrap().shape().to_vec();

    let lines = std::fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let (mut views, mut indexed, mut errors) = (0, 0, 0);
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let op = case["op"].as_str().unwrap();
        let args = case["args"].as_array();
        let category = case["category"].as_str().unwrap();
        let is_view = VIEW_OPS.contains(&op) && matches!(category, "view" | "error");
        let is_index = op == "index" && case.get("layout").is_some() && category == "index";
        if !is_view && !is_index {
            continue;
        }
        let args = args.unwrap();
        let input = input_layout(&args[0], &shape_of);
        let result = if is_index {
            let Some(result) = index(&input, &args[1]["index"]) else { continue };
            indexed += 1;
            result.map(Reshape::View)
        } else {
            views += 1;
            apply(&input, op, &args[1..])
        };
        let id = &case["id"];
        match (result, case["out"].get("error")) {
            (Ok(result), None) => check_layout(&case, &shape_of(&case["out"]), &result),
            (Err(error), Some(kind)) => {
                errors += 1;
                assert_eq!(kind_name(&error), kind.as_str().unwrap(), "{id}");
                check_message(&error, case["out"]["message"].as_str().unwrap());
            }
            (result, _) => panic!("{id}: got {result:?}, expected {}", case["out"]),
        }
    }
    assert!(views >= 640 && indexed >= 100 && errors >= 90, "{views} {indexed} {errors}");
}

fn check_layout(case: &Value, shape: &[usize], result: &Reshape) {
    let (id, recorded) = (&case["id"], &case["layout"]);
    match result {
        Reshape::Copy(copied) => {
            assert_eq!(copied.as_slice(), shape, "{id}");
            assert_eq!(recorded["aliases"], false, "{id}");
        }
        Reshape::View(layout) => {
            assert_eq!(layout.shape(), shape, "{id}");
            // Cases that must not fail, in the category of errors, record no layout; empty tensors
            // share no memory.
            if recorded.is_null() || layout.is_empty() {
                return;
            }
            assert_eq!(recorded["aliases"], true, "{id}");
            assert_eq!(recorded["offset"].as_u64().unwrap() as usize, layout.offset(), "{id}");
            assert_eq!(recorded["contiguous"], layout.is_contiguous(), "{id}");
            let strides = recorded["stride"].as_array().unwrap();
            assert_eq!(strides.len(), layout.rank(), "{id}");
            for (dim, stride) in strides.iter().enumerate() {
                if layout.shape()[dim] > 1 && !layout.is_empty() {
                    assert_eq!(stride.as_u64().unwrap() as usize, layout.strides()[dim], "{id}");
                }
            }
        }
    }
}

/// Two of PyTorch's messages name what users have not written; ours end alike.
fn check_message(error: &Error, recorded: &str) {
    let message = error.to_string();
    let meaning = |message: &str| {
        let tail = message.find("number of dimensions in the tensor input");
        let tail = tail.or_else(|| message.find("the number of sizes provided"));
        message[tail.unwrap_or(0)..].to_owned()
    };
    assert_eq!(meaning(&message), meaning(recorded));
}

fn kind_name(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Shape => "shape",
        ErrorKind::Index => "index",
        ErrorKind::Value => "value",
        _ => "another",
    }
}

fn input_layout(arg: &Value, shape_of: &impl Fn(&Value) -> Vec<usize>) -> Layout {
    let mut layout = Layout::contiguous(&shape_of(&arg["t"])).unwrap();
    for step in arg["view"].as_array().into_iter().flatten() {
        let at = |i: usize| step[i].as_i64();
        let int = |i: usize| at(i).unwrap();
        let list = |i: usize| integers(&step[i]);
        layout = match step[0].as_str().unwrap() {
            "transpose" => layout.transpose(int(1), int(2)),
            "permute" => layout.permute(&list(1)),
            "slice" => layout.slice(int(1), at(2), at(3), at(4).unwrap_or(1)),
            "select" => layout.select(int(1), int(2)),
            "narrow" => layout.narrow(int(1), int(2), int(3)),
            "expand" => layout.expand(&list(1)),
            "unsqueeze" => layout.unsqueeze(int(1)),
            "squeeze" => layout.squeeze_dims(&[int(1)]),
            "view" => layout.view(&list(1)),
            step => panic!("no such view step: {step}"),
        }
        .unwrap();
    }
    layout
}

fn apply(layout: &Layout, op: &str, args: &[Value]) -> Result<Reshape> {
    let int = |i: usize| args[i]["int"].as_i64().unwrap();
    let int_or = |i: usize, default| args.get(i).map_or(default, |_| int(i));
    let list = |i: usize| match &args[i]["list"] {
        Value::Null => vec![int(i)],
        list => integers(list),
    };
    match op {
        "transpose" | "swapaxes" => layout.transpose(int(0), int(1)),
        "t" => layout.t(),
        "permute" => layout.permute(&list(0)),
        "movedim" => layout.movedim(&list(0), &list(1)),
        "select" => layout.select(int(0), int(1)),
        "narrow" => layout.narrow(int(0), int(1), int(2)),
        "expand" => layout.expand(&list(0)),
        "broadcast_to" => layout.broadcast_to(&list(0)),
        "unsqueeze" => layout.unsqueeze(int(0)),
        "squeeze" if args.is_empty() => Ok(layout.squeeze()),
        "squeeze" => layout.squeeze_dims(&list(0)),
        "view" => layout.view(&list(0)),
        "reshape" => return layout.reshape(&list(0)),
        "flatten" => return layout.flatten(int_or(0, 0), int_or(1, -1)),
        "contiguous" if layout.is_contiguous() => Ok(layout.clone()),
        "contiguous" => return Ok(Reshape::Copy(Dims::from_slice(layout.shape()))),
        op => panic!("no such view op: {op}"),
    }
    .map(Reshape::View)
}

/// Basic indexing; `None` if a tensor is among the items.
fn index(layout: &Layout, items: &Value) -> Option<Result<Layout>> {
    let items = items.as_array().unwrap();
    if items.iter().any(|item| item.get("t").is_some() || item.get("bool").is_some()) {
        return None;
    }
    let consumes = |item: &&Value| item.get("int").is_some() || item.get("slice").is_some();
    let skipped = layout.rank() - items.iter().filter(consumes).count();
    let mut dim = 0;
    let mut view = layout.clone();
    for item in items {
        let step = if item.get("ellipsis").is_some() {
            dim += skipped as i64;
            continue;
        } else if item.get("newaxis").is_some() {
            dim += 1;
            view.unsqueeze(dim - 1)
        } else if let Some(bounds) = item.get("slice") {
            dim += 1;
            let at = |i: usize| bounds[i].as_i64();
            view.slice(dim - 1, at(0), at(1), at(2).unwrap_or(1))
        } else {
            view.select(dim, item["int"].as_i64().unwrap())
        };
        match step {
            Ok(step) => view = step,
            error => return Some(error),
        }
    }
    Some(Ok(view))
}

fn integers(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|int| int.as_i64().unwrap()).collect()
}
