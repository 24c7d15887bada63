//! The Markdown block for BENCHMARKS.md.

use super::Plan;
use super::footprint::Footprint;
use super::machine::{Machine, Tools};
use super::rounds::{CASES, Measured, Row};
use super::samples::Samples;
use super::server::Kind;
use super::start::Starts;
use super::table::table;

/// What is aimed at.
struct Target {
    name: &'static str,
    bound: Bound,
    /// The number that it is about, and whom it is compared with.
    of: fn(&Row) -> &Samples,
    with: Kind,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

const TARGETS: &[Target] = &[
    Target { name: "throughput, of raw", bound: Bound::AtLeast(0.5), of: |row| &row.rate, with: Kind::Raw },
    Target { name: "p50, of raw", bound: Bound::AtMost(1.5), of: |row| &row.p50, with: Kind::Raw },
    Target {
        name: "throughput, of functions-framework",
        bound: Bound::AtLeast(4.0),
        of: |row| &row.rate,
        with: Kind::Framework,
    },
    Target {
        name: "throughput, of serverless-offline",
        bound: Bound::AtLeast(8.0),
        of: |row| &row.rate,
        with: Kind::Offline,
    },
];

/// Everything as Markdown.
pub(super) fn markdown(
    machine: &Machine,
    tools: &Tools,
    plan: &Plan,
    starts: &Starts,
    measured: &Measured,
) -> String {
    [
        head(machine, tools, plan, measured),
        table(&["case", "server", "requests/s at 8", "of raw", "p50 at 1, µs", "of raw"], &servers(measured)),
        "Lambent against the others, what is aimed at, and what the raw server reaches, which does the work alone:"
            .to_owned(),
        table(&["case", "measure", "Lambent", "target", "", "raw"], &targets(measured)),
        "Starts:".to_owned(),
        table(&["start", "ms", "of `node -e 0`"], &start_rows(starts)),
        "Memory:".to_owned(),
        table(&["processes", "RSS of the first, MB", "PSS of all, MB", "count"], &memory(starts, measured)),
        "Where the time of an invocation goes, over one connection:".to_owned(),
        table(&["stages", "p50, µs"], &stages(measured)),
    ]
    .join("\n\n")
}

fn head(machine: &Machine, tools: &Tools, plan: &Plan, measured: &Measured) -> String {
    format!(
        "### HTTP, {}\n\n\
         {machine}, {}, {} with one thread.\n\n\
         {} rounds, the servers in turns: {} s over 8 connections for throughput, {} s over one for latency. Medians, \
         least and most in brackets; ratios are taken within a round. serverless-offline starts anew for every round, as it becomes slower with \
         every request. Lambent had {} sandboxes at the end.",
        machine.date,
        tools.packages.join(", "),
        tools.wrk,
        measured.rounds,
        plan.throughput,
        plan.latency,
        measured.sandboxes,
    )
}

fn servers(measured: &Measured) -> Vec<Vec<String>> {
    let mut table = Vec::new();
    for (case, rows) in CASES.iter().zip(&measured.rows) {
        let raw = &rows[0];
        for (kind, row) in Kind::ALL.iter().zip(rows) {
            table.push(vec![
                case.name.to_owned(),
                kind.name().to_owned(),
                row.rate.shown(0).to_string(),
                format!("{:.2}", row.rate.over(&raw.rate).median()),
                row.p50.shown(0).to_string(),
                format!("{:.2}", row.p50.over(&raw.p50).median()),
            ]);
        }
    }
    table
}

fn targets(measured: &Measured) -> Vec<Vec<String>> {
    let mut table = Vec::new();
    for (case, rows) in CASES.iter().zip(&measured.rows) {
        for target in TARGETS {
            let of =
                |kind: Kind| (target.of)(&rows[kind as usize]).over((target.of)(&rows[target.with as usize]));
            let samples = of(Kind::Lambent);
            let (sign, bound, met) = match target.bound {
                Bound::AtLeast(bound) => ("≥", bound, samples.median() >= bound),
                Bound::AtMost(bound) => ("≤", bound, samples.median() <= bound),
            };
            let met = if met { "met" } else { "**not met**" };
            table.push(vec![
                case.name.to_owned(),
                target.name.to_owned(),
                samples.shown(2).to_string(),
                format!("{sign} {bound}"),
                met.to_owned(),
                format!("{:.2}", of(Kind::Raw).median()),
            ]);
        }
    }
    table
}

fn start_rows(starts: &Starts) -> Vec<Vec<String>> {
    let row = |name: &str, samples: &Samples| {
        let ratio = samples.over(&starts.node).median();
        vec![name.to_owned(), samples.shown(0).to_string(), format!("{ratio:.2}")]
    };
    vec![
        row("`node -e 0`, to its end", &starts.node),
        row("`lambent up`, to the gateway's first answer", &starts.gateway),
        row("`lambent up`, to the function's first answer", &starts.function),
    ]
}

fn memory(starts: &Starts, measured: &Measured) -> Vec<Vec<String>> {
    let row = |name: &str, footprint: &Footprint| {
        let megabytes = |kib: u64| format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024);
        let Footprint { own_rss, tree_pss, processes } = footprint;
        vec![name.to_owned(), megabytes(*own_rss), megabytes(*tree_pss), processes.to_string()]
    };
    let mut table = vec![
        row("Lambent without a sandbox", &starts.idle),
        row("Lambent with one warm sandbox", &starts.warm),
    ];
    table.extend(
        measured
            .footprints
            .iter()
            .map(|(kind, weight)| row(&format!("{} after the load", kind.name()), weight)),
    );
    table
}

fn stages(measured: &Measured) -> Vec<Vec<String>> {
    measured.stages.iter().map(|stage| vec![stage.name.to_owned(), stage.p50.shown(0).to_string()]).collect()
}
