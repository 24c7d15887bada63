//! Asynchronous invocations, beside lone syncs of a file.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::Plan;
use super::servers::Lambent;
use super::workshop::{Workshop, number};
use crate::bench::samples::Samples;

/// The function: each of its invocations waits for longer than the bench takes.
const FUNCTION: &str = "waits";
/// Connections that throughput is measured over.
pub(super) const CONNECTIONS: u32 = 64;
/// How long no sandbox has been started when all of them are there.
const STILL: Duration = Duration::from_secs(2);
/// How long that may take.
const STILL_MAX: Duration = Duration::from_secs(60);

/// What was measured.
#[derive(Default)]
pub(super) struct Accept {
    /// Median microseconds of a sync.
    pub(super) sync: Samples,
    /// Median microseconds to the answer, over one connection.
    pub(super) accept: Samples,
    /// Answers a second over many.
    pub(super) rate: Samples,
    /// Sandboxes that were occupied meanwhile.
    pub(super) sandboxes: u64,
}

/// Occupies the function, then measures in turns.
///
/// # Errors
/// When it does not work.
pub(super) fn measure(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Accept> {
    eprintln!("accept");
    let lambent = Lambent::start(workshop, "accept")?;
    let file = workshop.data("sync");
    let file = file.to_str().context("the folder's name is no text")?;
    let (port, connections) = (lambent.api.to_string(), CONNECTIONS.to_string());
    let once = |rows: usize, seconds: u32| {
        let (rows, seconds) = (rows.to_string(), seconds.to_string());
        let arguments = [
            &["accept", "--port", &port, "--function", FUNCTION, "--file", file][..],
            &["--rows", &rows, "--connections", &connections, "--seconds", &seconds],
        ];
        workshop.measure_one(&arguments.concat())
    };
    once(2, 1)?;
    let mut measured = Accept { sandboxes: occupied(&lambent)?, ..Accept::default() };
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        let line = once(plan.rows, plan.seconds)?;
        measured.sync.push(number(&line, "sync")?);
        measured.accept.push(number(&line, "accept")?);
        measured.rate.push(number(&line, "rate")?);
    }
    lambent.kill();
    Ok(measured)
}

/// Waits until the node works on as many events as it does at once; how many sandboxes that takes.
fn occupied(lambent: &Lambent) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let mut count = (lambent.sandboxes(FUNCTION)?, Instant::now());
    while count.1.elapsed() < STILL {
        std::thread::sleep(Duration::from_millis(100));
        let now = lambent.sandboxes(FUNCTION)?;
        if now != count.0 {
            count = (now, Instant::now());
        }
        if begun.elapsed() > STILL_MAX {
            bail!("sandboxes are still being started after {STILL_MAX:?}");
        }
    }
    Ok(count.0)
}
