//! The text of kernels before `tint`, the WGSL compiler of browsers; needs it on the `PATH`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// The texts of kernels in standard WGSL, without the 64-bit lanes.
#[derive(Default)]
struct Texts(BTreeSet<String>);

impl Texts {
    fn add(&mut self, code: &Code, text: Text, subnormals: Subnormals) {
        if !is_wide(code) {
            self.0.insert(codegen::module(code, text, subnormals));
        }
    }
}

fn every_text() -> Texts {
    let mut texts = Texts::default();
    for &op in Op::ALL {
        for dtype in DType::ALL.into_iter().filter(|&dtype| op.info().computes_in(dtype)) {
            let code = operation(op, dtype, &[8], &[&[1][..]; 4]);
            texts.add(&code, Text::Points(ALIGNED), Subnormals::Kept);
            texts.add(&code, Text::Points(ALIGNED), Subnormals::Flushed);
        }
    }
    for dtype in DType::ALL {
        for strides in layouts() {
            let code = operation(any_op(dtype), dtype, &[4, 3, 5], &strides);
            for variant in [ALIGNED, UNALIGNED, TILED] {
                texts.add(&code, Text::Points(variant), Subnormals::Kept);
            }
        }
        for to in DType::ALL {
            texts.add(&cast(dtype, to), Text::Points(ALIGNED), Subnormals::Kept);
        }
        for (kind, output) in folds(dtype) {
            for (stage, parts) in STAGES {
                let code = fold_code(kind, [dtype, output], parts, stage);
                texts.add(&code, Text::Fold(stage), Subnormals::Kept);
            }
        }
    }
    for dtype in DType::ALL.into_iter().filter(|&dtype| dtype != DType::Bool) {
        for (code, product) in products(dtype) {
            texts.add(&code, Text::Product(product), Subnormals::Kept);
        }
    }
    for code in [chain(), random(), checked_select()] {
        texts.add(&code, Text::Points(ALIGNED), Subnormals::Kept);
    }
    texts
}

/// What tint has against a text, read from a file of that name.
fn complaint(name: PathBuf, text: &str) -> Option<String> {
    std::fs::write(&name, text).unwrap();
    let output = Command::new("tint").args(["--format", "wgsl"]).arg(&name).output().unwrap();
    std::fs::remove_file(name).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then(|| format!("{said}\n{text}"))
}

/// Every op and dtype, layout, cast, and stage of a fold that the tests beside this one translate.
///
/// Those of 64-bit lanes are left out, for tint knows only standard WGSL. It takes one module a process.
#[test]
fn text_of_every_32_bit_kernel_is_accepted_by_tint() {
    let help =
        Command::new("tint").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if help.is_err() {
        println!("not tested: tint is not on the PATH");
        return;
    }
    let texts: Vec<String> = every_text().0.into_iter().collect();
    assert!(texts.len() > 500, "{} texts", texts.len());
    let folder = std::env::temp_dir().join(format!("taut-tint-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    assert!(complaint(folder.join("wrong.wgsl"), "fn main() { let x: u32 = 1.5; }").is_some());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut complaints = Vec::new();
            loop {
                let k = next.fetch_add(1, Ordering::Relaxed);
                let Some(text) = texts.get(k) else { return complaints };
                complaints.extend(complaint(folder.join(format!("{k}.wgsl")), text));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    std::fs::remove_dir(&folder).unwrap();
    println!("{} texts accepted", texts.len() - complaints.len());
    assert!(complaints.is_empty(), "{} refused; one: {}", complaints.len(), complaints[0]);
}
