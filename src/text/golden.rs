//! The printed forms against what PyTorch and NumPy printed.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::*;
use crate::dtype::{Category, Element};

fn in_tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// A dense tensor; a view is another one.
struct Dense {
    shape: Vec<usize>,
    dtype: DType,
    values: Vec<Scalar>,
}

impl Dense {
    fn read(file: &SafeTensors<'_>, key: &str) -> Self {
        let tensor = file.tensor(key).unwrap();
        let bytes = tensor.data();
        let (dtype, values) = match tensor.dtype() {
            Dtype::BOOL => elements::<bool>(bytes),
            Dtype::U8 => elements::<u8>(bytes),
            Dtype::I8 => elements::<i8>(bytes),
            Dtype::I16 => elements::<i16>(bytes),
            Dtype::I32 => elements::<i32>(bytes),
            Dtype::I64 => elements::<i64>(bytes),
            Dtype::F16 => elements::<f16>(bytes),
            Dtype::BF16 => elements::<bf16>(bytes),
            Dtype::F32 => elements::<f32>(bytes),
            Dtype::F64 => elements::<f64>(bytes),
            other => panic!("{key} has dtype {other:?}"),
        };
        Self { shape: tensor.shape().to_vec(), dtype, values }
    }

    fn step(self, step: &Value) -> Self {
        let dim = |i: usize| usize::try_from(step[i].as_i64().unwrap()).unwrap();
        match step[0].as_str().unwrap() {
            "transpose" => {
                let mut shape = self.shape.clone();
                shape.swap(dim(1), dim(2));
                self.gather(shape, |index| index.swap(dim(1), dim(2)))
            }
            "slice" => {
                let size = self.shape[dim(1)] as i64;
                let bound = |i: usize, default: i64| {
                    let at = step[i].as_i64().unwrap_or(default);
                    (if at < 0 { at + size } else { at }).clamp(0, size)
                };
                let (start, stop) = (bound(2, 0), bound(3, size));
                let by = step[4].as_i64().unwrap_or(1);
                let len = ((stop - start).max(0) + by - 1) / by;
                let mut shape = self.shape.clone();
                shape[dim(1)] = len as usize;
                self.gather(shape, |index| {
                    index[dim(1)] = start as usize + index[dim(1)] * by as usize;
                })
            }
            "expand" => {
                let sizes = step[1].as_array().unwrap();
                let lead = sizes.len() - self.shape.len();
                let old = self.shape.clone();
                let size = |(i, s): (usize, &Value)| {
                    s.as_u64().map_or_else(|| old[i - lead], |s| s as usize)
                };
                let shape = sizes.iter().enumerate().map(size).collect();
                self.gather(shape, |index| {
                    index.drain(..lead);
                    for (i, &size) in index.iter_mut().zip(&old) {
                        *i = if size == 1 { 0 } else { *i };
                    }
                })
            }
            other => panic!("the cases have no view step {other}"),
        }
    }

    /// The tensor of `shape` whose element at an index is this one's at the index `source` makes of it.
    fn gather(&self, shape: Vec<usize>, source: impl Fn(&mut Vec<usize>)) -> Self {
        let len: usize = shape.iter().product();
        let values = (0..len).map(|linear| {
            let mut index = unravel(linear, &shape);
            source(&mut index);
            self.values[ravel(&index, &self.shape)]
        });
        Self { dtype: self.dtype, values: values.collect(), shape }
    }

    /// What a caller reads for the printed forms.
    fn shown(&self) -> Vec<Scalar> {
        let Some(kept) = kept(&self.shape) else { return self.values.clone() };
        let block = kept.iter().map(|dim| dim.len()).collect();
        let shown = self.gather(block, |index| {
            for ((i, dim), &size) in index.iter_mut().zip(&kept).zip(&self.shape) {
                *i = if *i < dim.head { *i } else { size - dim.len() + *i };
            }
        });
        shown.values
    }

    fn print(&self, form: fn(&Printed<'_>) -> String) -> String {
        let values = self.shown();
        form(&Printed { shape: &self.shape, dtype: self.dtype, device: None, values: &values })
    }
}

fn elements<T: Element>(bytes: &[u8]) -> (DType, Vec<Scalar>) {
    (T::DTYPE, bytes.chunks(size_of::<T>()).map(|b| T::from_bytes(b).to_scalar()).collect())
}

fn unravel(mut linear: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &size) in index.iter_mut().zip(shape).rev() {
        *i = linear % size;
        linear /= size;
    }
    index
}

fn ravel(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |linear, (&i, &size)| linear * size + i)
}

/// Fails with the first few that differ, and how many there are.
fn report(checked: usize, failures: &[String]) {
    let first = failures.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {checked} differ:\n{first}", failures.len());
}

fn compare(name: &str, expected: &str, actual: &str) -> Option<String> {
    (expected != actual).then(|| format!("{name}: expected\n{expected}\ngot\n{actual}"))
}

#[test]
fn tensor_of_every_golden_case_prints_as_pytorch() {
    let bytes = std::fs::read(in_tests("golden/tensors.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let cases = std::fs::read_to_string(in_tests("golden/cases.jsonl")).unwrap();
    let (mut checked, mut failures) = (0, Vec::new());
    for line in cases.lines().filter(|line| line.contains("\"display\"")) {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["op"] != "display" {
            continue;
        }
        let arg = &case["args"][0];
        let steps = arg["view"].as_array().map_or(&[][..], Vec::as_slice);
        let base = Dense::read(&file, arg["t"].as_str().unwrap());
        let seen = steps.iter().fold(base, Dense::step);
        let expected = case["text"].as_str().unwrap().replace("torch.", "");
        failures.extend(compare(case["id"].as_str().unwrap(), &expected, &seen.print(tensor)));
        checked += 1;
    }
    report(checked, &failures);
    assert_eq!(checked, 410, "every case of the category is there");
}

/// A number of the corpus, as golden writes them.
fn number(value: &Value, dtype: DType) -> Scalar {
    match (dtype.category(), value) {
        (Category::Bool, value) => Scalar::Bool(value.as_bool().unwrap()),
        (Category::Int, value) => Scalar::Int(value.as_i64().unwrap()),
        (_, Value::String(name)) => Scalar::Float(name.parse().unwrap()),
        (_, value) => Scalar::Float(value.as_f64().unwrap()),
    }
}

// The corpus is made by `numpy_print.py` beside it. A line is `{"dtype", "shape", "values", "text"}`; the values repeat to fill the shape.
#[test]
fn host_array_of_the_corpus_prints_as_numpy() {
    let corpus = std::fs::read_to_string(in_tests("data/numpy_print.jsonl")).unwrap();
    let (mut checked, mut failures) = (0, Vec::new());
    for (i, line) in corpus.lines().enumerate() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["dtype"].as_str().unwrap();
        let dtype = DType::ALL.into_iter().find(|dtype| dtype.name() == name).unwrap();
        let sizes = case["shape"].as_array().unwrap().iter();
        let shape: Vec<usize> = sizes.map(|size| size.as_u64().unwrap() as usize).collect();
        let given = case["values"].as_array().unwrap().iter().map(|v| number(v, dtype));
        let given: Vec<Scalar> = given.collect();
        let values = given.iter().copied().cycle().take(shape.iter().product()).collect();
        let array = Dense { shape, dtype, values };
        let expected = case["text"].as_str().unwrap();
        failures.extend(compare(&format!("line {}", i + 1), expected, &array.print(host_array)));
        checked += 1;
    }
    report(checked, &failures);
    assert!(checked >= 200, "the corpus has {checked} cases");
}
