//! `cargo xtask bench http`: Lambent beside what people would use instead, in one run, on loopback.
//!
//! Rounds go A, B, C, L, A, B, C, L, ... so that whatever else the machine does meets all of them alike. What
//! counts are ratios within a round; nothing is ever asserted about speed.

mod client;
mod footprint;
mod load;
mod machine;
mod prepare;
mod report;
mod rounds;
mod samples;
mod server;
mod stages;
mod start;

use std::time::{Duration, Instant};

use anyhow::bail;

use self::machine::Machine;
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

/// Runs the bench and prints its Markdown block.
///
/// # Errors
/// When something cannot be built or installed, a server does not start, or one gives wrong answers.
pub(crate) fn http(options: &[&str]) -> anyhow::Result<()> {
    let mut plan = &FULL;
    let mut build = true;
    for option in options {
        match *option {
            "--quick" => plan = &QUICK,
            "--no-build" => build = false,
            other => bail!("the bench has no option `{other}`: there are --quick and --no-build"),
        }
    }
    let workshop = Workshop::open(build)?;
    let begun = Instant::now();
    eprintln!("starts");
    let starts = start::measure(&workshop, plan)?;
    let measured = rounds::measure(&workshop, plan, begun)?;
    println!("{}", report::markdown(&Machine::here()?, plan, &starts, &measured));
    eprintln!("measured in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}
