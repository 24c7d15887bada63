//! Messages sent, received and deleted, beside moto's server.

use super::Plan;
use super::servers::{Lambent, Moto};
use super::workshop::{Workshop, number};
use crate::bench::samples::Samples;

/// The queue, in both servers.
const QUEUE: &str = "bench";

/// What was measured over some connections: messages a second.
pub(super) struct Row {
    pub(super) connections: u32,
    pub(super) moto: Samples,
    pub(super) lambent: Samples,
}

/// Loads both servers in turns with the same client.
///
/// # Errors
/// When it does not work.
pub(super) fn measure(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Vec<Row>> {
    eprintln!("SQS");
    let moto = Moto::start(workshop)?;
    let lambent = Lambent::start(workshop, "sqs")?;
    let row = |connections| Row { connections, moto: Samples::default(), lambent: Samples::default() };
    let mut rows = vec![row(1), row(64)];
    let rate = |port: u16, connections: u32, seconds: u32| {
        let (port, connections, seconds) = (port.to_string(), connections.to_string(), seconds.to_string());
        let arguments = [
            &["sqs", "--port", &port, "--queue", QUEUE][..],
            &["--connections", &connections, "--seconds", &seconds],
        ];
        number(&workshop.measure_one(&arguments.concat())?, "rate")
    };
    rate(moto.port, 8, 1)?;
    rate(lambent.api, 8, 1)?;
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        for row in &mut rows {
            row.moto.push(rate(moto.port, row.connections, plan.seconds)?);
            row.lambent.push(rate(lambent.api, row.connections, plan.seconds)?);
        }
    }
    Ok(rows)
}
