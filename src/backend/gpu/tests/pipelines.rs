//! Compiling: together, once each, and from what an earlier process kept.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::backend::gpu::codegen::Text;
use crate::backend::gpu::pipeline::Pipelines;
use crate::error::ErrorKind;
use crate::math::emit::Subnormals;
use crate::ops::Op;

const OPS: [Op; 6] = [Op::Add, Op::Sub, Op::Mul, Op::Maximum, Op::Minimum, Op::Div];

/// A launch of each operation, on buffers that hold 6 and 3, and where its results go.
fn launches(device: &GpuBackend) -> (Vec<Launch>, Vec<Buffer>) {
    let [a, b] = [6.0_f32, 3.0].map(|value| upload(device, &[value; 100]));
    let launch = |&op| {
        let out = device.allocate(400).unwrap();
        (binary(op, DType::F32, &[100]).launch(&[&a, &b, &out]), out)
    };
    OPS.iter().map(launch).unzip()
}

fn assert_computed(device: &GpuBackend, outs: &[Buffer]) {
    for (out, expected) in outs.iter().zip([9.0, 3.0, 18.0, 6.0, 3.0, 2.0]) {
        assert_eq!(download::<f32>(device, out, 100), [expected; 100]);
    }
}

#[test]
fn kernels_of_one_call_are_compiled_once_each_as_those_of_many() {
    let (Some(together), Some(apart)) = (device(), device()) else { return };
    let (mut launches_of, outs) = launches(&together);
    launches_of.extend(launches_of.clone());
    together.run(&launches_of).unwrap();
    assert_computed(&together, &outs);
    let (launches_of, outs) = launches(&apart);
    for (launch, number) in launches_of.iter().zip(1..) {
        apart.run(std::slice::from_ref(launch)).unwrap();
        assert_eq!(apart.stats().pipelines, number);
    }
    assert_computed(&apart, &outs);
    assert_eq!(together.stats(), apart.stats());
    let sorted = |device: &GpuBackend| {
        let mut texts = device.shaders();
        texts.sort_unstable();
        texts
    };
    assert_eq!(sorted(&together), sorted(&apart));
    together.run(&launches_of[..0]).unwrap();
    assert_eq!(together.stats().pipelines, OPS.len() as u64);
}

#[test]
fn kernels_after_one_that_is_refused_are_not_compiled() {
    let options = GpuOptions { wide: false, ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let (mut some, outs) = launches(&device);
    let [a, b, c] = [(); 3].map(|()| device.allocate(64).unwrap());
    some.push(binary(Op::Add, DType::I64, &[8]).launch(&[&a, &b, &c]));
    assert_eq!(device.run(&some).unwrap_err().kind(), ErrorKind::Dtype);
    assert_eq!((device.stats().pipelines, device.shaders().len()), (0, 0));
    some.pop();
    device.run(&some).unwrap();
    assert_computed(&device, &outs);
    assert_eq!(device.stats().pipelines, OPS.len() as u64);
}

#[test]
fn shader_that_is_refused_is_an_error_and_the_others_are_there() {
    let (Some(device), Some(other)) = (device(), device()) else { return };
    let text = |op| {
        let kernel = binary(op, DType::F32, &[100]).0;
        let variant = codegen_variant(&kernel);
        (kernel, Text::Points(variant))
    };
    let mut pipelines = Pipelines::new(&device.context, Subnormals::Kept, None);
    // One whose layout is of another device, which nobody can compile, before and after one that is right.
    let (unary, text_of_unary) = {
        let mut build = Build::new(&[100]);
        let (a, out) = (build.dense(0, DType::F32), build.dense(1, DType::F32));
        let a = build.load(a);
        let value = build.node(Expr::Unary(Op::Neg, a), DType::F32);
        build.store(out, value);
        let variant = codegen_variant(&build.0);
        (build.0, Text::Points(variant))
    };
    let wrong = [Op::Add, Op::Sub].map(text);
    pipelines.get(&other.context, &wrong[0].0.code, wrong[0].1).unwrap();
    pipelines.get(&device.context, &unary.code, text_of_unary).unwrap();
    pipelines.get(&other.context, &wrong[1].0.code, wrong[1].1).unwrap();
    let error = pipelines.compile(&device.context).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    assert!(error.to_string().contains("a generated shader was refused"), "{error}");
    assert_eq!((pipelines.count, pipelines.texts().count()), (1, 1));
    // They are asked for anew, and refused anew.
    pipelines.compile(&device.context).unwrap();
    pipelines.get(&device.context, &wrong[0].0.code, wrong[0].1).unwrap();
    assert!(pipelines.compile(&device.context).is_err());
    assert_eq!(pipelines.count, 1);
    device.context.check().unwrap();
}

fn codegen_variant(kernel: &Kernel) -> crate::backend::gpu::codegen::Variant {
    let shape = &kernel.args.shape;
    crate::backend::gpu::codegen::Variant::of(&kernel.code, &kernel.args, shape, |_| 0, false)
}

/// A folder of the test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("taut-test-cache-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// Names and bytes of its files.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let Ok(files) = fs::read_dir(&self.0) else { return Vec::new() };
        let paths = files.map(|file| file.unwrap().path());
        paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// Computes on a device that keeps its pipelines here; whether it can.
    fn compute(&self) -> Option<bool> {
        let cache = Some(self.0.clone());
        let device = device_with(GpuOptions { cache, ..Default::default() })?;
        let (launches, outs) = launches(&device);
        device.run(&launches).unwrap();
        assert_computed(&device, &outs);
        assert_eq!(device.stats().pipelines, OPS.len() as u64);
        Some(device.context.device.features().contains(wgpu::Features::PIPELINE_CACHE))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn pipelines_are_kept_in_one_file_which_is_read_again() {
    let folder = Folder::new();
    let Some(can) = folder.compute() else { return };
    let files = folder.files();
    if !can {
        println!("not tested: this adapter has no pipeline cache");
        return assert!(files.is_empty());
    }
    let [(path, kept)] = &files[..] else { panic!("{files:?}") };
    assert!(path.extension().is_none(), "no trace of the file that was written aside: {path:?}");
    println!("{} bytes in {path:?}", kept.len());
    folder.compute();
    assert_eq!(folder.files().len(), 1);
    // Whatever is in it, it is written anew, and harms nobody.
    let mut damaged = kept.clone();
    damaged[kept.len() / 2] ^= 1;
    for bytes in [damaged, kept[..kept.len() - 1].to_vec(), vec![7; 1000], Vec::new()] {
        fs::write(path, &bytes).unwrap();
        folder.compute();
        let [(_, again)] = &folder.files()[..] else { panic!("one file") };
        assert!(*again != bytes && again.starts_with(b"taut pipelines 1"));
    }
}

#[test]
fn folder_that_cannot_be_written_keeps_nothing_and_harms_nobody() {
    let folder = Folder::new();
    fs::write(&folder.0, b"not a folder").unwrap();
    folder.compute();
    assert_eq!(fs::read(&folder.0).unwrap(), b"not a folder");
}

#[test]
fn device_without_a_folder_asks_for_no_cache() {
    let Some(device) = device() else { return };
    assert!(!device.context.device.features().contains(wgpu::Features::PIPELINE_CACHE));
}
