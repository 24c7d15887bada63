//! What the stages of an invocation cost, as far as that shows from outside.

use std::fs;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use super::Plan;
use super::client;
use super::load::{self, Request};
use super::prepare::Workshop;
use super::samples::Samples;
use super::server::Server;
use crate::process;

/// The event of a direct invocation.
const EVENT: &str = "event.json";

/// A stage, or several in a row.
pub(super) struct Stage {
    pub(super) name: &'static str,
    /// Microseconds.
    pub(super) p50: Samples,
}

/// Measures a warm Lambent over one connection.
///
/// # Errors
/// When a request fails.
pub(super) fn measure(lambent: &Server, workshop: &Workshop, plan: &Plan) -> anyhow::Result<Vec<Stage>> {
    eprintln!("stages");
    fs::write(workshop.folder.join(EVENT), r#"{"rawPath":"/small"}"#)?;
    let nowhere = Request::get("/nowhere").failing();
    let route = Request::get("/small");
    let invoke = Request::post("/2015-03-31/functions/bench/invocations", &workshop.folder, EVENT);
    let (mut gateway, mut whole, mut direct) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..plan.rounds.min(3) {
        gateway.push(load::run(lambent.port, &nowhere, 1, 1)?.p50);
        direct.push(load::run(lambent.api, &invoke, 1, 1)?.p50);
        whole.push(load::run(lambent.port, &route, 1, 1)?.p50);
    }
    Ok(vec![
        Stage { name: "gateway alone: an answer of 404", p50: gateway },
        Stage { name: "Invoke API, engine, sandbox, function", p50: direct },
        Stage { name: "gateway, engine, sandbox, function", p50: whole },
        Stage {
            name: "sandbox and function: `Duration` of the last REPORT lines",
            p50: durations(lambent, workshop)?,
        },
    ])
}

/// How many sandboxes Lambent has for the function.
///
/// # Errors
/// When the admin API does not tell.
pub(super) fn sandboxes(lambent: &Server) -> anyhow::Result<u64> {
    let answer = client::ask(lambent.admin, "/v1/functions", None)?;
    let functions: Value = serde_json::from_slice(&answer.body)?;
    functions["functions"][0]["sandboxes"].as_u64().context("the admin API does not count sandboxes")
}

/// The durations that Lambent reported itself, in microseconds, of the last thousand invocations.
fn durations(lambent: &Server, workshop: &Workshop) -> anyhow::Result<Samples> {
    let mut logs = Command::new(&workshop.lambent);
    logs.args(["logs", "--json", "--admin", &format!("127.0.0.1:{}", lambent.admin)]);
    let text = process::output(&mut logs)?;
    Ok(text.lines().rev().filter_map(duration).take(1000).collect())
}

/// The duration of a REPORT line, in microseconds.
fn duration(line: &str) -> Option<f64> {
    let line: Value = serde_json::from_str(line).ok()?;
    let report = line["text"].as_str()?.strip_prefix("REPORT ")?;
    let duration =
        report.split('\t').find_map(|field| field.strip_prefix("Duration: ")?.strip_suffix(" ms"))?;
    Some(duration.parse::<f64>().ok()? * 1e3)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn reports_are_read() {
        let line =
            r#"{"function":"a","text":"REPORT RequestId: 1\tDuration: 0.48 ms\tBilled Duration: 1 ms\t"}"#;
        assert_eq!(duration(line), Some(480.0));
        assert_eq!(duration(r#"{"function":"a","text":"END RequestId: 1"}"#), None);
        assert_eq!(duration("no JSON"), None);
    }
}
