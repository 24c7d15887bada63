//! What a start takes, and what a node weighs before and after its first invocation.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::Plan;
use super::client;
use super::footprint::{self, Footprint};
use super::prepare::Workshop;
use super::samples::Samples;
use super::server::{Kind, Server};
use crate::process;

/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether the gateway listens.
const POLL: Duration = Duration::from_micros(500);
/// How long a node is left alone before it is weighed.
const SETTLE: Duration = Duration::from_millis(500);

/// What starts took, in milliseconds.
pub(super) struct Starts {
    /// `node -e 0`, from exec to its end.
    pub(super) node: Samples,
    /// `lambent up`, from exec to the first answer of the gateway itself.
    pub(super) gateway: Samples,
    /// `lambent up`, from exec to the first answer of the function: a sandbox started and initialised.
    pub(super) function: Samples,
    /// The node without a sandbox.
    pub(super) idle: Footprint,
    /// The node with one warm sandbox.
    pub(super) warm: Footprint,
}

/// Starts Node and Lambent in turns.
///
/// # Errors
/// When Lambent does not start or does not answer.
pub(super) fn measure(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Starts> {
    // Once for what only a first start does: files are read from the disk, packages are kept.
    let first = up(workshop, "/small")?.1;
    drop(first);
    let (mut node, mut gateway, mut function) = (Samples::default(), Samples::default(), Samples::default());
    let mut weighed = None;
    for _ in 0..plan.starts {
        let begun = Instant::now();
        process::run(Command::new("node").args(["-e", "0"]))?;
        node.push(milliseconds(begun.elapsed()));
        let (took, server) = up(workshop, "/nowhere")?;
        gateway.push(milliseconds(took));
        weighed = Some(weigh(&server)?);
        drop(server);
        function.push(milliseconds(up(workshop, "/small")?.0));
    }
    let (idle, warm) = weighed.context("no start was measured")?;
    Ok(Starts { node, gateway, function, idle, warm })
}

/// Starts Lambent and asks it until it answers; what that took.
fn up(workshop: &Workshop, path: &str) -> anyhow::Result<(Duration, Server)> {
    let begun = Instant::now();
    let mut server = Server::spawn(Kind::Lambent, workshop)?;
    let stream = loop {
        if let Some(stream) = server.connected()? {
            break stream;
        }
        if begun.elapsed() > START_MAX {
            bail!("Lambent does not listen after {START_MAX:?}");
        }
        std::thread::sleep(POLL);
    };
    let status = client::talk(stream, path, None)?.status;
    let took = begun.elapsed();
    let expected = if path == "/small" { 200 } else { 404 };
    if status != expected {
        bail!("the first answer to {path} has status {status}, not {expected}");
    }
    Ok((took, server))
}

/// A node's memory before its first invocation and after some.
fn weigh(server: &Server) -> anyhow::Result<(Footprint, Footprint)> {
    std::thread::sleep(SETTLE);
    let idle = footprint::of(server.pid())?;
    for _ in 0..10 {
        client::ask(server.port, "/small", None)?;
    }
    std::thread::sleep(SETTLE);
    Ok((idle, footprint::of(server.pid())?))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
