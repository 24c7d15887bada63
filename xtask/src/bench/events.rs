//! `cargo xtask bench events`: what goes through queues. Everything that counts as accepted is on the disk.
//!
//! Four measurements, each beside what it cannot beat or what people would use instead: a queue drained into a function,
//! asynchronous invocations accepted, SQS, and queues of different depths. `benches/events` measures, this starts it in
//! turns.

mod accept;
mod depth;
mod drain;
mod report;
mod servers;
mod sqs;
mod workshop;

use std::time::Instant;

use self::accept::Accept;
use self::drain::Drain;
use self::workshop::Workshop;
use super::Options;
use super::machine::Machine;

/// How much is measured.
struct Plan {
    /// How often everything is measured.
    rounds: usize,
    /// Messages that are drained in a round.
    messages: usize,
    /// Rows of single syncs and invocations.
    rows: usize,
    /// Seconds that a server is loaded for its throughput.
    seconds: u32,
    /// Depths of queues.
    depths: &'static [u32],
    /// Messages of which each is received with a time of its own.
    samples: usize,
}

const FULL: Plan = Plan {
    rounds: 5,
    messages: 50_000,
    rows: 40,
    seconds: 3,
    depths: &[10_000, 100_000, 1_000_000],
    samples: 2000,
};

const QUICK: Plan =
    Plan { rounds: 2, messages: 10_000, rows: 10, seconds: 1, depths: &[10_000, 100_000], samples: 500 };

/// Everything that was measured.
struct Measured {
    drain: Drain,
    accept: Accept,
    sqs: Vec<sqs::Row>,
    depths: Vec<depth::Row>,
}

/// Runs the events bench and prints its Markdown block.
///
/// # Errors
/// When something cannot be built or installed, a server does not start, or one gives wrong answers.
pub(crate) fn events(options: &[&str]) -> anyhow::Result<()> {
    let Options { quick, build } = Options::parse(options)?;
    let plan = if quick { &QUICK } else { &FULL };
    let workshop = Workshop::open(build)?;
    let begun = Instant::now();
    let measured = Measured {
        drain: drain::measure(&workshop, plan)?,
        accept: accept::measure(&workshop, plan)?,
        sqs: sqs::measure(&workshop, plan)?,
        depths: depth::measure(&workshop, plan)?,
    };
    println!("{}", report::markdown(&Machine::here()?, &workshop, plan, &measured)?);
    eprintln!("measured in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}
