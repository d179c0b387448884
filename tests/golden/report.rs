//! What came of a run.
//!
//! Counts verdicts per category and device and prints them; the sums are the last line, alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Failures that are printed for each device.
const SHOWN: usize = 40;

/// What came of one case on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// With the reason.
    Failed(String),
    /// With what is missing: an operation's name, a dtype.
    Skipped(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// The verdicts of a run.
#[derive(Debug)]
pub(crate) struct Report {
    devices: Vec<String>,
    counts: BTreeMap<(usize, String), Counts>,
    failures: BTreeSet<(usize, String, String)>,
    /// What was missing, and the cases that wanted it.
    missing: BTreeMap<String, BTreeSet<String>>,
}

impl Report {
    /// An empty report on these devices.
    pub(crate) fn new(devices: Vec<String>) -> Self {
        Self {
            devices,
            counts: BTreeMap::new(),
            failures: BTreeSet::new(),
            missing: BTreeMap::new(),
        }
    }

    /// Enters the verdict on a case of the device with this index.
    pub(crate) fn add(&mut self, category: &str, id: &str, device: usize, verdict: Verdict) {
        let counts = self.counts.entry((device, category.to_owned())).or_default();
        match verdict {
            Verdict::Passed => counts.passed += 1,
            Verdict::Failed(reason) => {
                counts.failed += 1;
                let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                self.failures.insert((device, id.to_owned(), line));
            }
            Verdict::Skipped(what) => {
                counts.skipped += 1;
                self.missing.entry(what).or_default().insert(id.to_owned());
            }
        }
    }

    /// Whether anything failed.
    pub(crate) fn failed(&self) -> bool {
        self.sums().failed > 0
    }

    /// Every failure, a line each, ordered by device and case.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        self.failures
            .iter()
            .map(|(device, id, line)| format!("{} {id}: {line}", self.devices[*device]))
    }

    fn sums(&self) -> Counts {
        self.counts.values().fold(Counts::default(), |sum, counts| Counts {
            passed: sum.passed + counts.passed,
            failed: sum.failed + counts.failed,
            skipped: sum.skipped + counts.skipped,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, device) in self.devices.iter().enumerate() {
            let of_device = || self.failures.iter().filter(|(of, ..)| *of == index);
            for (_, id, line) in of_device().take(SHOWN) {
                writeln!(f, "FAILED on {device} {id}: {line}")?;
            }
            if let Some(more @ 1..) = of_device().count().checked_sub(SHOWN) {
                writeln!(f, "FAILED on {device}: and {more} more")?;
            }
        }
        if !self.missing.is_empty() {
            let names: Vec<String> =
                self.missing.iter().map(|(what, ids)| format!("{what} ({})", ids.len())).collect();
            writeln!(f, "skipped, not there yet (cases): {}", names.join(", "))?;
        }
        for ((device, category), counts) in &self.counts {
            writeln!(f, "{:<6} {category:<9} {counts}", self.devices[*device])?;
        }
        write!(f, "{}", self.sums())
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}
