//! What a run is asked to do: environment variables and the arguments of `cargo test`.

use std::env;
use std::path::PathBuf;

/// The wishes of one run.
#[derive(Debug)]
pub(crate) struct Options {
    /// Where `cases.jsonl` and `tensors.safetensors` lie.
    pub(crate) folder: PathBuf,
    pub(crate) filter: Filter,
    pub(crate) cpu: bool,
    pub(crate) gpu: bool,
    /// Whether it is a failure to find no GPU.
    pub(crate) require_gpu: bool,
}

/// Which cases are wanted.
#[derive(Debug)]
pub(crate) struct Filter(Vec<String>);

impl Options {
    /// `TAUT_GOLDEN`, `TAUT_GOLDEN_ONLY`, `TAUT_GOLDEN_DEVICE` and `TAUT_REQUIRE_GPU`.
    pub(crate) fn from_env() -> Result<Self, String> {
        let (cpu, gpu) = match env::var("TAUT_GOLDEN_DEVICE").ok().as_deref() {
            None | Some("") => (true, true),
            Some("cpu") => (true, false),
            Some("gpu") => (false, true),
            Some(other) => {
                return Err(format!("TAUT_GOLDEN_DEVICE must be cpu or gpu, but got '{other}'"));
            }
        };
        let recorded = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        Ok(Self {
            folder: env::var_os("TAUT_GOLDEN").map_or_else(recorded, PathBuf::from),
            filter: Filter::parse(&env::var("TAUT_GOLDEN_ONLY").unwrap_or_default()),
            cpu,
            gpu,
            require_gpu: gpu && env::var("TAUT_REQUIRE_GPU").is_ok_and(|value| value == "1"),
        })
    }
}

impl Filter {
    /// Categories, or beginnings of ids that contain a slash, separated by commas. Nothing: all.
    pub(crate) fn parse(text: &str) -> Self {
        let wanted = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Self(wanted.map(str::to_owned).collect())
    }

    pub(crate) fn selects(&self, category: &str, id: &str) -> bool {
        let selects = |word: &String| match word.contains('/') {
            true => id.starts_with(word.as_str()),
            false => category == word,
        };
        self.0.is_empty() || self.0.iter().any(selects)
    }
}

/// Whether `cargo test` wants this test at all: `cargo test view` hands `view` to every test binary,
/// and some editors ask for a list first.
pub(crate) fn wanted_by_arguments(mut arguments: impl Iterator<Item = String>) -> bool {
    arguments.all(|argument| match argument.strip_prefix("--") {
        Some(flag) => flag != "list",
        None => argument.starts_with('-') || "golden".contains(&argument),
    })
}
