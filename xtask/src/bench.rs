//! `cargo xtask bench http`: Lambent beside what people would use instead, in one run, on loopback. `cargo xtask bench
//! events`: what goes through its queues, beside the same without anything durable, the disk alone, and moto.
//!
//! Rounds go A, B, C, L, A, B, C, L, ... so that whatever else the machine does meets all of them alike. What
//! counts are ratios within a round; nothing is ever asserted about speed.

mod client;
mod events;
mod footprint;
mod load;
mod machine;
mod prepare;
mod report;
mod rounds;
mod running;
mod samples;
mod server;
mod stages;
mod start;
mod table;

use std::time::{Duration, Instant};

use anyhow::bail;

pub(crate) use self::events::events;
use self::machine::{Machine, Tools};
use self::prepare::Workshop;

/// How much is measured.
pub(crate) struct Plan {
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// Seconds that a server is loaded for its throughput.
    pub(crate) throughput: u32,
    /// Seconds that a server is loaded for its latency.
    pub(crate) latency: u32,
    /// How often a start is measured.
    pub(crate) starts: usize,
    /// When no further round is begun: what was measured by then is reported.
    pub(crate) rounds_end: Duration,
    /// When no further measurement is begun at all.
    pub(crate) end: Duration,
}

const FULL: Plan = Plan {
    rounds: 5,
    throughput: 4,
    latency: 2,
    starts: 5,
    rounds_end: Duration::from_secs(420),
    end: Duration::from_secs(470),
};

const QUICK: Plan = Plan {
    rounds: 2,
    throughput: 1,
    latency: 1,
    starts: 3,
    rounds_end: Duration::from_secs(90),
    end: Duration::from_secs(115),
};

/// How a bench is run.
#[derive(Clone, Copy)]
struct Options {
    quick: bool,
    build: bool,
}

impl Options {
    fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self { quick: false, build: true };
        for word in words {
            match *word {
                "--quick" => options.quick = true,
                "--no-build" => options.build = false,
                other => bail!("the bench has no option `{other}`: there are --quick and --no-build"),
            }
        }
        Ok(options)
    }
}

/// Runs the HTTP bench and prints its Markdown block.
///
/// # Errors
/// When something cannot be built or installed, a server does not start, or one gives wrong answers.
pub(crate) fn http(options: &[&str]) -> anyhow::Result<()> {
    let Options { quick, build } = Options::parse(options)?;
    let plan = if quick { &QUICK } else { &FULL };
    let workshop = Workshop::open(build)?;
    let begun = Instant::now();
    eprintln!("starts");
    let starts = start::measure(&workshop, plan)?;
    let measured = rounds::measure(&workshop, plan, begun)?;
    println!("{}", report::markdown(&Machine::here()?, &Tools::here()?, plan, &starts, &measured));
    eprintln!("measured in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}
