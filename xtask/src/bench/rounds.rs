//! All servers, round by round: throughput over 8 connections, and latency over one.

use std::fs;
use std::time::Instant;

use anyhow::{Context, bail};

use super::Plan;
use super::client;
use super::footprint::{self, Footprint};
use super::load::{self, Request};
use super::prepare::Workshop;
use super::samples::Samples;
use super::server::{Kind, Server};
use super::stages::{self, Stage};

/// Connections that throughput is measured over.
const CONNECTIONS: u32 = 8;
/// The file that is posted.
const ECHO: &str = "echo.json";

/// A kind of work.
pub(super) struct Case {
    pub(super) name: &'static str,
    path: &'static str,
    posts: bool,
}

pub(super) const CASES: [Case; 3] = [
    Case { name: "GET, answer of 9 B", path: "/small", posts: false },
    Case { name: "GET, answer of 10 KB", path: "/large", posts: false },
    Case { name: "POST, echo of 10 KB", path: "/echo", posts: true },
];

impl Case {
    fn request(&self, workshop: &Workshop) -> Request {
        if self.posts { Request::post(self.path, &workshop.folder, ECHO) } else { Request::get(self.path) }
    }
}

/// What a server did in a case.
#[derive(Default)]
pub(super) struct Row {
    /// Answers a second over 8 connections.
    pub(super) rate: Samples,
    /// Median microseconds to an answer over one connection.
    pub(super) p50: Samples,
}

/// Everything that was measured while the servers ran.
pub(super) struct Measured {
    /// By case, then by server.
    pub(super) rows: [[Row; 4]; 3],
    pub(super) rounds: usize,
    pub(super) footprints: Vec<(Kind, Footprint)>,
    pub(super) stages: Vec<Stage>,
    pub(super) sandboxes: u64,
}

/// Starts the servers, checks that they do the same, warms them, and measures.
///
/// # Errors
/// When a server does not start or does not answer as the others do.
pub(super) fn measure(workshop: &Workshop, plan: &Plan, begun: Instant) -> anyhow::Result<Measured> {
    eprintln!("servers");
    let mut servers = Vec::new();
    for kind in Kind::ALL {
        servers.push(Server::start(kind, workshop)?);
    }
    compare(&servers, workshop)?;
    eprintln!("warming");
    servers.iter().try_for_each(|server| warm(server, workshop))?;
    let mut rows: [[Row; 4]; 3] = Default::default();
    let mut rounds = 0;
    while rounds < plan.rounds && (rounds == 0 || begun.elapsed() < plan.rounds_end) {
        if rounds > 0 {
            renew(&mut servers, workshop)?;
        }
        rounds += 1;
        eprintln!("round {rounds} of {}", plan.rounds);
        for (case, row) in CASES.iter().zip(&mut rows) {
            let request = case.request(workshop);
            for (server, row) in servers.iter().zip(row.iter_mut()) {
                row.rate.push(load::run(server.port, &request, CONNECTIONS, plan.throughput)?.rate);
            }
            for (server, row) in servers.iter().zip(row.iter_mut()) {
                row.p50.push(load::run(server.port, &request, 1, plan.latency)?.p50);
            }
        }
    }
    let lambent = servers.last().context("there is no Lambent")?;
    let sandboxes = stages::sandboxes(lambent)?;
    let footprints = servers
        .iter()
        .map(|server| Ok((server.kind, footprint::of(server.pid())?)))
        .collect::<anyhow::Result<_>>()?;
    let stages =
        if begun.elapsed() < plan.end { stages::measure(lambent, workshop, plan)? } else { Vec::new() };
    Ok(Measured { rows, rounds, footprints, stages, sandboxes })
}

/// A second of each kind of work: code is compiled, and sandboxes are started.
fn warm(server: &Server, workshop: &Workshop) -> anyhow::Result<()> {
    CASES
        .iter()
        .try_for_each(|case| load::run(server.port, &case.request(workshop), CONNECTIONS, 1).map(drop))
}

/// Starts serverless-offline anew. It keeps something of every request and becomes slower and slower: to compare
/// with what it has become after a million of them would flatter everybody else.
fn renew(servers: &mut [Server], workshop: &Workshop) -> anyhow::Result<()> {
    for server in servers.iter_mut().filter(|server| server.kind == Kind::Offline) {
        *server = Server::start(Kind::Offline, workshop)?;
        warm(server, workshop)?;
    }
    Ok(())
}

/// Who is compared must do the same: every server gives the same bytes.
fn compare(servers: &[Server], workshop: &Workshop) -> anyhow::Result<()> {
    let raw = servers.first().context("there is no raw server")?;
    let large = client::ask(raw.port, "/large", None)?.body;
    let small = client::ask(raw.port, "/small", None)?.body;
    if (small.len(), large.len()) != (9, 10_240) {
        bail!("the answers have {} and {} bytes, not 9 and 10240", small.len(), large.len());
    }
    fs::write(workshop.folder.join(ECHO), &large)?;
    for server in servers {
        for case in &CASES {
            let answer = client::ask(server.port, case.path, case.posts.then_some(large.as_slice()))?;
            let expected = if case.path == "/small" { &small } else { &large };
            if answer.status != 200 || answer.body != *expected {
                let body = String::from_utf8_lossy(&answer.body);
                let (name, path, status) = (server.kind.name(), case.path, answer.status);
                bail!(
                    "{name} answers {path} with status {status} and other bytes than the raw server: {body:.200}"
                );
            }
        }
    }
    Ok(())
}
