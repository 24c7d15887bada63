//! Receives from queues of different depths. Each is in a node of its own, so that the node's memory is the queue's.

use super::Plan;
use super::servers::Lambent;
use super::workshop::{Workshop, number};
use crate::bench::samples::Samples;

/// The queue of each node.
const QUEUE: &str = "deep";
/// Connections that a queue is filled over.
const CONNECTIONS: u32 = 16;

/// What was measured with so many messages waiting.
pub(super) struct Row {
    pub(super) messages: u32,
    /// Messages a second while the queue was filled, in batches of ten.
    pub(super) fill: f64,
    /// Microseconds of a receive.
    pub(super) receive_p50: Samples,
    pub(super) receive_p99: Samples,
    /// Microseconds of a delete.
    pub(super) delete_p50: Samples,
    /// The node's memory once the queue was filled, and at the end, in MiB.
    pub(super) filled_mib: f64,
    pub(super) end_mib: f64,
}

/// Fills the queues one after the other, then measures them in turns.
///
/// # Errors
/// When it does not work.
pub(super) fn measure(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    eprintln!("depth");
    let mut nodes = Vec::new();
    for messages in plan.depths {
        nodes.push(fill(workshop, *messages)?);
    }
    let samples = plan.samples.to_string();
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        for (node, row) in &mut nodes {
            let port = node.api.to_string();
            let arguments = ["depth", "--port", &port, "--queue", QUEUE, "--samples", &samples];
            let line = workshop.measure_one(&arguments)?;
            row.receive_p50.push(number(&line, "receive_p50")?);
            row.receive_p99.push(number(&line, "receive_p99")?);
            row.delete_p50.push(number(&line, "delete_p50")?);
        }
    }
    let weigh = |(node, row): (Lambent, Row)| Ok(Row { end_mib: node.memory()?, ..row });
    nodes.into_iter().map(weigh).collect()
}

fn fill(workshop: &Workshop, messages: u32) -> anyhow::Result<(Lambent, Row)> {
    eprintln!("{messages} messages");
    let node = Lambent::start(workshop, &format!("depth-{messages}"))?;
    let (port, connections, count) = (node.api.to_string(), CONNECTIONS.to_string(), messages.to_string());
    let arguments = [
        &["fill", "--port", &port, "--queue", QUEUE][..],
        &["--messages", &count, "--connections", &connections],
    ];
    let line = workshop.measure_one(&arguments.concat())?;
    let row = Row {
        messages,
        fill: number(&line, "rate")?,
        receive_p50: Samples::default(),
        receive_p99: Samples::default(),
        delete_p50: Samples::default(),
        filled_mib: node.memory()?,
        end_mib: f64::NAN,
    };
    Ok((node, row))
}
