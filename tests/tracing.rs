//! Spans of flushes and kernels, as a listener sees them.
//!
//! A flush runs what any thread recorded, so that the tests of this file run one at a time.
#![cfg(feature = "tracing")]
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

#[path = "common/alone.rs"]
mod alone;
mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use alone::alone;
use common::devices;
use taut::{Device, Result};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Subscriber};

/// What was told of a span.
#[derive(Clone, Default)]
struct Seen {
    name: String,
    parent: Option<usize>,
    fields: BTreeMap<String, String>,
    ended: bool,
}

/// Writes down every span of taut, up to a level.
#[derive(Clone)]
struct Listener {
    level: Level,
    /// The spans, and which of them are entered.
    seen: Arc<Mutex<(Vec<Seen>, Vec<usize>)>>,
}

impl Listener {
    fn new(level: Level) -> Self {
        Self { level, seen: Arc::default() }
    }

    /// The spans that `what` makes.
    fn hear(&self, what: impl FnOnce() -> Result<()>) -> Result<Vec<Seen>> {
        with_default(self.clone(), what)?;
        let (seen, entered) = std::mem::take(&mut *self.seen.lock().unwrap());
        assert!(entered.is_empty() && seen.iter().all(|span| span.ended));
        Ok(seen)
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

fn index(id: &Id) -> usize {
    id.into_u64() as usize - 1
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "taut" && *metadata.level() <= self.level
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut seen = Seen { name: span.metadata().name().to_owned(), ..Seen::default() };
        span.record(&mut seen);
        let (spans, entered) = &mut *self.seen.lock().unwrap();
        seen.parent = entered.last().copied();
        spans.push(seen);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut self.seen.lock().unwrap().0[index(id)]);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        self.seen.lock().unwrap().1.push(index(id));
    }

    fn exit(&self, id: &Id) {
        assert_eq!(self.seen.lock().unwrap().1.pop(), Some(index(id)));
    }

    fn try_close(&self, id: Id) -> bool {
        self.seen.lock().unwrap().0[index(&id)].ended = true;
        true
    }
}

#[test]
fn flush_and_its_kernels_are_told_with_what_they_do() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::ones([4, 8], device)?;
        x.eval()?;
        let spans = Listener::new(Level::TRACE).hear(|| {
            let y = x.add(1)?.mul(2)?;
            let z = x.select(0, 1)?.neg()?;
            y.sum(())?.item::<f32>()?;
            z.eval()?;
            Ok(())
        })?;
        let flush = &spans[0];
        assert_eq!(flush.name, "flush");
        assert_eq!(flush.fields["device"], device.to_string());
        assert_eq!(flush.fields["operations"], "4");
        let kernels = &spans[1..];
        assert_eq!(flush.fields["kernels"], kernels.len().to_string());
        assert_eq!(kernels.len(), 2, "what is flushed is not flushed again");
        for kernel in kernels {
            assert_eq!((kernel.name.as_str(), kernel.parent), ("kernel", Some(0)));
        }
        let [sum, neg] = kernels else { unreachable!("two") };
        assert_eq!(sum.fields["operations"], "add, mul, sum");
        assert_eq!(sum.fields["elements"], "32");
        assert_eq!(sum.fields["ended"], "a fold ends its kernel");
        assert_eq!(neg.fields["operations"], "neg");
        assert_eq!([&neg.fields["elements"], &neg.fields["bytes_read"]], ["8", "32"]);
        assert_eq!(neg.fields["bytes_written"], "32");
        assert_eq!(neg.fields["ended"], "nothing more is on the tape");
    }
    Ok(())
}

#[test]
fn spans_are_as_many_as_the_counters_say() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let before = device.stats()?;
        let spans = Listener::new(Level::TRACE).hear(|| {
            for i in 0..5 {
                let x = taut::full([10], i, device)?;
                (0..i).try_for_each(|k| x.add_(k).map(drop))?;
                x.to_vec::<i64>()?;
            }
            Ok(())
        })?;
        let after = device.stats()?;
        let count = |name: &str| spans.iter().filter(|span| span.name == name).count() as u64;
        assert_eq!(count("flush"), after.flushes - before.flushes, "{device}");
        assert_eq!(count("kernel"), after.kernels - before.kernels, "{device}");
        let read: u64 =
            spans.iter().filter_map(|s| s.fields.get("bytes_read")?.parse::<u64>().ok()).sum();
        assert_eq!(read, after.bytes_read - before.bytes_read, "{device}");
    }
    Ok(())
}

#[test]
fn level_debug_tells_of_flushes_alone() -> Result<()> {
    let _alone = alone();
    let spans = Listener::new(Level::DEBUG).hear(|| {
        let x = taut::ones([4], Device::Cpu)?.add(1)?;
        x.sum(())?.item::<f32>()?;
        Ok(())
    })?;
    assert_eq!(spans.len(), 1);
    assert_eq!((spans[0].name.as_str(), spans[0].fields["kernels"].as_str()), ("flush", "1"));
    Ok(())
}
