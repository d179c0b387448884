//! Whether shaders are valid and go to every language of a driver.
//!
//! naga validates a text and translates it to SPIR-V, MSL and HLSL; where `tint`, the WGSL compiler of
//! browsers, is on the `PATH`, it must accept what is standard WGSL, without 64-bit numbers.
#![allow(unreachable_pub, dead_code, reason = "each test crate has its own copy and uses a part")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process, thread};

use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Texts that `tint` is asked about at most: it takes one a process, some 15 ms each.
const MOST_FOR_TINT: usize = 1000;

/// Checks all texts. Says how many there were, or what is wrong with one.
pub fn check(texts: &[String]) -> Result<String, String> {
    let refused: Vec<String> = each(texts, |_, text| translate(text).err());
    if let Some(first) = refused.first() {
        return Err(format!("naga refuses {} of {}; one: {first}", refused.len(), texts.len()));
    }
    let translated = format!("{} shaders translated", texts.len());
    let standard: Vec<&String> = texts.iter().filter(|text| is_standard(text)).collect();
    // Evenly spread over the texts, which are sorted.
    let step = standard.len().div_ceil(MOST_FOR_TINT).max(1);
    let asked: Vec<&String> = standard.iter().copied().step_by(step).collect();
    let Some(refused) = refused_by_tint(&asked)? else {
        return Ok(format!("{translated}; tint is not on the PATH"));
    };
    match refused.first() {
        Some(first) => {
            Err(format!("tint refuses {} of {}; one: {first}", refused.len(), asked.len()))
        }
        None => {
            let (asked, all) = (asked.len(), standard.len());
            Ok(format!("{translated}; {asked} of the {all} in standard WGSL accepted by tint"))
        }
    }
}

/// Whether the text has no type that only extensions of WGSL have.
pub fn is_standard(text: &str) -> bool {
    !["i64", "u64", "f64"].iter().any(|name| has_word(text, name))
}

fn has_word(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

/// Parses, validates and translates: to SPIR-V and, without float64, to MSL and HLSL.
///
/// A standard text is validated without the capabilities that the others need.
pub fn translate(text: &str) -> Result<(), String> {
    let wrong = |error: String| format!("{error}\n{text}");
    let module =
        naga::front::wgsl::parse_str(text).map_err(|error| wrong(error.emit_to_string(text)))?;
    let capabilities = match is_standard(text) {
        true => Capabilities::empty(),
        false => Capabilities::SHADER_INT64 | Capabilities::FLOAT64,
    };
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| wrong(error.emit_to_string(text)))?;

    let words = spv::write_vec(&module, &info, &spv::Options::default(), None)
        .map_err(|error| wrong(format!("SPIR-V: {error}")))?;
    if words.len() <= 100 {
        return Err(wrong(format!("SPIR-V of {} words", words.len())));
    }
    // Neither Metal nor the HLSL of naga has float64.
    if has_word(text, "f64") {
        return Ok(());
    }
    // The first ones with 64-bit integers.
    let options = msl::Options { lang_version: (2, 4), ..Default::default() };
    let (metal, _) = msl::write_string(&module, &info, &options, &msl::PipelineOptions::default())
        .map_err(|error| wrong(format!("MSL: {error}")))?;
    if !metal.contains("kernel void") {
        return Err(wrong(format!("no kernel in MSL: {metal}")));
    }
    let options = hlsl::Options { shader_model: hlsl::ShaderModel::V6_0, ..Default::default() };
    let mut direct = String::new();
    hlsl::Writer::new(&mut direct, &options, &hlsl::PipelineOptions::default())
        .write(&module, &info, None)
        .map_err(|error| wrong(format!("HLSL: {error}")))?;
    if !direct.contains("numthreads") {
        return Err(wrong(format!("no kernel in HLSL: {direct}")));
    }
    Ok(())
}

/// What `tint` has against the texts, or nothing where it is not on the `PATH`.
pub fn refused_by_tint(texts: &[impl AsRef<str> + Sync]) -> Result<Option<Vec<String>>, String> {
    let help =
        Command::new("tint").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if help.is_err() {
        return Ok(None);
    }
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("taut-tint-{}-{number}", process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let wrong = "fn main() { let x: u32 = 1.5; }";
    if complaint(&folder.join("wrong.wgsl"), wrong).is_none() {
        return Err("tint accepts a wrong shader".into());
    }
    let refused =
        each(texts, |k, text| complaint(&folder.join(format!("{k}.wgsl")), text.as_ref()));
    fs::remove_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Some(refused))
}

/// What `tint` has against a text, read from a file of that name.
fn complaint(name: &Path, text: &str) -> Option<String> {
    let said = fs::write(name, text).and_then(|()| {
        let output = Command::new("tint").args(["--format", "wgsl"]).arg(name).output()?;
        fs::remove_file(name)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((!output.status.success()).then_some(said))
    });
    match said {
        Ok(said) => said.map(|said| format!("{said}\n{text}")),
        Err(error) => Some(format!("{}: {error}", name.display())),
    }
}

/// What the function has against each item, on all cores.
fn each<T: Sync>(items: &[T], against: impl Fn(usize, &T) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut all = Vec::new();
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(k) else { return all };
            all.extend(against(k, item));
        }
    };
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<String>>| match worker.join() {
            Ok(all) => all,
            Err(_) => vec!["a check panicked".into()],
        };
        workers.into_iter().flat_map(join).collect()
    })
}
