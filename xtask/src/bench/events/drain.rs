//! A queue drained into a function, beside the function looped over an array.

use anyhow::Context;

use super::Plan;
use super::workshop::{Workshop, number};
use crate::bench::samples::Samples;

/// Batches that are worked on at once: what a source gets at most when its owner does not say.
pub(super) const AT_ONCE: usize = 32;

/// What was measured.
#[derive(Default)]
pub(super) struct Drain {
    /// Messages a second that went through the function from memory, and the sandboxes that they went through.
    pub(super) looped: Samples,
    pub(super) loop_sandboxes: Samples,
    /// The same from the queue.
    pub(super) drained: Samples,
    pub(super) drain_sandboxes: Samples,
}

/// Measures both in turns, in one process.
///
/// # Errors
/// When it does not work.
pub(super) fn measure(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Drain> {
    eprintln!("drain");
    let text =
        |path: std::path::PathBuf| path.to_str().map(str::to_owned).context("the folder's name is no text");
    let (data, code) = (text(workshop.data("drain"))?, text(workshop.folder.join("app/drain"))?);
    let (messages, rounds) = (plan.messages.to_string(), plan.rounds.to_string());
    let at_once = AT_ONCE.to_string();
    let mut drain = Drain::default();
    let arguments = [
        &["drain", "--data", &data, "--code", &code, "--messages", &messages][..],
        &["--rounds", &rounds, "--at-once", &at_once],
    ];
    for line in workshop.measure(&arguments.concat())? {
        drain.looped.push(number(&line, "looped")?);
        drain.drained.push(number(&line, "drained")?);
        drain.loop_sandboxes.push(number(&line["sandboxes"], "looped")?);
        drain.drain_sandboxes.push(number(&line["sandboxes"], "drained")?);
    }
    Ok(drain)
}
