//! The Markdown block for BENCHMARKS.md.

use super::workshop::Workshop;
use super::{Measured, Plan, accept, depth, drain, sqs};
use crate::bench::machine::Machine;
use crate::bench::samples::Samples;
use crate::bench::table::table;

/// Everything as Markdown.
///
/// # Errors
/// When it cannot be told what was measured with.
pub(super) fn markdown(
    machine: &Machine,
    workshop: &Workshop,
    plan: &Plan,
    measured: &Measured,
) -> anyhow::Result<String> {
    let Measured { drain, accept, sqs, depths } = measured;
    Ok([
        format!(
            "### Events, {}\n\n{machine}, {}. Disk: {}.\n\n\
             {} rounds, in turns. Medians, least and most in brackets; ratios are taken within a round. Whatever \
             Lambent accepts is on the disk before it says so.",
            machine.date,
            workshop.versions()?,
            workshop.file_system()?,
            plan.rounds,
        ),
        table(&["measure", "Lambent", "target", ""], &targets(measured)),
        format!(
            "A queue drained into a Node.js function: {} messages of 200 B in batches of 10, {} batches at once, from \
             enabling the source to the last durable acknowledgement. The reference is the same function, invoked as \
             often at once through the same engine with events that are in memory.",
            plan.messages,
            drain::AT_ONCE,
        ),
        table(&["messages/s", "", "of the loop", "sandboxes"], &drain_rows(drain)),
        format!(
            "An asynchronous invocation of 200 B, until status 202, over one connection and over {}. The reference \
             overwrites 4 KB of a file that is on the disk already, and syncs them. {} invocations occupied their \
             sandboxes and slept meanwhile, all others waited: nothing ran beside the accepting.",
            accept::CONNECTIONS,
            accept.sandboxes,
        ),
        table(&["accepting", "p50, µs", "of a sync", "a second"], &accept_rows(accept)),
        format!(
            "SQS, JSON protocol: a message of 200 B sent, received and deleted, three requests, {} s a round and server. \
             moto keeps everything in memory, and closes the connection after every answer.",
            plan.seconds,
        ),
        table(&["connections", "moto, messages/s", "Lambent, messages/s", "of moto"], &sqs_rows(sqs)),
        format!(
            "Queues that are deep: a receive of one message and its delete, {} a round over one connection, while so \
             many others wait. Filled in batches of 10.",
            plan.samples,
        ),
        table(
            &[
                "messages",
                "receive p50, µs",
                "receive p99, µs",
                "delete p50, µs",
                "RSS filled, MB",
                "RSS at the end, MB",
                "filled, messages/s",
            ],
            &depth_rows(depths),
        ),
    ]
    .join("\n\n"))
}

fn targets(measured: &Measured) -> Vec<Vec<String>> {
    let Measured { drain, accept, sqs, .. } = measured;
    let row = |name: &str, ratio: &Samples, met: bool, target: &str| {
        let met = if met { "met" } else { "**not met**" };
        vec![name.to_owned(), ratio.shown(2).to_string(), target.to_owned(), met.to_owned()]
    };
    let drained = drain.drained.over(&drain.looped);
    let accepted = accept.accept.over(&accept.sync);
    let mut rows = vec![
        row("drain, of the loop", &drained, drained.median() >= 0.4, "≥ 0.40, aim 0.70"),
        row("accept p50, of a sync", &accepted, accepted.median() <= 2.0, "≤ 2"),
    ];
    for one in sqs {
        let ratio = one.lambent.over(&one.moto);
        let name = format!("SQS over {}, of moto", connections(one.connections));
        rows.push(row(&name, &ratio, ratio.median() >= 20.0, "≥ 20"));
    }
    rows
}

fn connections(count: u32) -> String {
    if count == 1 { "1 connection".to_owned() } else { format!("{count} connections") }
}

fn drain_rows(drain: &drain::Drain) -> Vec<Vec<String>> {
    let row = |name: &str, rate: &Samples, sandboxes: &Samples| {
        vec![
            name.to_owned(),
            rate.shown(0).to_string(),
            rate.over(&drain.looped).shown(2).to_string(),
            sandboxes.shown(0).to_string(),
        ]
    };
    vec![
        row("the function looped over an array", &drain.looped, &drain.loop_sandboxes),
        row("**Lambent**: queue, function, acknowledgement", &drain.drained, &drain.drain_sandboxes),
    ]
}

fn accept_rows(accept: &accept::Accept) -> Vec<Vec<String>> {
    let latency = |name: &str, p50: &Samples| {
        let ratio = p50.over(&accept.sync);
        vec![name.to_owned(), p50.shown(0).to_string(), ratio.shown(2).to_string(), "-".to_owned()]
    };
    let many = format!("**Lambent**, {}", connections(accept::CONNECTIONS));
    vec![
        latency("a lone sync of 4 KB", &accept.sync),
        latency("**Lambent**, 1 connection", &accept.accept),
        vec![many, "-".to_owned(), "-".to_owned(), accept.rate.shown(0).to_string()],
    ]
}

fn sqs_rows(rows: &[sqs::Row]) -> Vec<Vec<String>> {
    let row = |row: &sqs::Row| {
        vec![
            row.connections.to_string(),
            row.moto.shown(0).to_string(),
            row.lambent.shown(0).to_string(),
            row.lambent.over(&row.moto).shown(1).to_string(),
        ]
    };
    rows.iter().map(row).collect()
}

fn depth_rows(rows: &[depth::Row]) -> Vec<Vec<String>> {
    let one = |value: f64, decimals| [value].into_iter().collect::<Samples>().shown(decimals).to_string();
    let row = |row: &depth::Row| {
        vec![
            one(f64::from(row.messages), 0),
            row.receive_p50.shown(0).to_string(),
            row.receive_p99.shown(0).to_string(),
            row.delete_p50.shown(0).to_string(),
            one(row.filled_mib, 1),
            one(row.end_mib, 1),
            one(row.fill, 0),
        ]
    };
    rows.iter().map(row).collect()
}
