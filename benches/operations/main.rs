//! Everyday operations one by one, to be laid beside PyTorch's: where one of them takes many times as long as
//! there, something is worth doing.
//!
//! `cargo bench --bench operations -- --n 2048 > taut.tsv` measures them on the CPU, on tensors of that many
//! elements; `python benches/operations/peer.py --n 2048 taut.tsv` runs the same rows, each of which is named by
//! what it is in Python, and prints both and their ratio, the worst first. `--only TEXT` takes the rows whose name
//! has the text, `--ms` is the time that one row gets.
//!
//! A figure is the lower quartile of the samples, in ns: one call, evaluated and dropped, or as many as take 200 us.

#![allow(clippy::print_stdout, reason = "prints its table")]

#[path = "../../examples/bench/calls.rs"]
mod calls;
mod rows;

use std::time::Duration;

use rows::{Inputs, ROWS};

fn main() -> anyhow::Result<()> {
    let mut n: usize = 1 << 16;
    let mut only = String::new();
    let mut budget = Duration::from_millis(40);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| anyhow::anyhow!("{arg} needs a value"));
        match arg.as_str() {
            "--n" => n = value()?.parse()?,
            "--only" => only = value()?,
            "--ms" => budget = Duration::from_millis(value()?.parse()?),
            "--bench" | "--test" => {}
            _ => anyhow::bail!("expected --n, --only or --ms, got {arg}"),
        }
    }
    anyhow::ensure!(
        n.is_power_of_two() && n >= 1 << 6,
        "--n is a power of two from 64 on, got {n}"
    );
    let inputs = Inputs::new(n)?;
    for (name, run) in ROWS {
        if !name.contains(&only) {
            continue;
        }
        let mut samples = calls::on_cpu(&|_| run(&inputs), budget)?;
        samples.sort_by(f64::total_cmp);
        println!("{name}\t{:.0}", samples[samples.len() / 4]);
    }
    Ok(())
}
