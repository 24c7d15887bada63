//! A node that is killed and started again, in the same place.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Folder, lambent};

/// Ports that no connection is given by chance, so that nobody takes them while the node is down.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// A node of an app, which may be running.
#[derive(Debug)]
pub(super) struct Victim {
    app: Folder,
    pub(super) ports: Ports,
    child: Option<Child>,
    /// How often it was killed.
    pub(super) kills: u32,
}

/// Where it listens, always.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) gateway: u16,
    pub(super) api: u16,
    pub(super) admin: u16,
}

impl Ports {
    fn free() -> Self {
        let mut random = fastrand::Rng::new();
        let mut held = Vec::new();
        while held.len() < 3 {
            held.extend(TcpListener::bind(("127.0.0.1", random.u16(PORTS))));
        }
        let port = |i: usize| held[i].local_addr().unwrap().port();
        Self { gateway: port(0), api: port(1), admin: port(2) }
    }
}

impl Victim {
    pub(super) fn new(app: Folder) -> Self {
        Self { app, ports: Ports::free(), child: None, kills: 0 }
    }

    /// Starts it, to be killed at a fail point or not.
    pub(super) fn start(&mut self, fail: Option<&str>) {
        let said = OpenOptions::new().create(true).append(true).open(self.app.path().join("said")).unwrap();
        let mut command = lambent();
        command.arg("up").arg(self.app.path()).args(["--no-reload", "--quiet"]);
        let Ports { gateway, api, admin } = self.ports;
        for (name, port) in [("--gateway", gateway), ("--api", api), ("--admin", admin)] {
            command.args([name, &format!("127.0.0.1:{port}")]);
        }
        if let Some(fail) = fail {
            command.env("LAMBENT_FAIL", fail);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
        self.child = Some(child.unwrap());
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        self.child.as_mut().unwrap().kill().unwrap();
        assert!(self.is_gone(Duration::from_secs(10)), "it outlives SIGKILL");
    }

    /// Whether it is gone, or is within this time. It must have been killed.
    pub(super) fn is_gone(&mut self, within: Duration) -> bool {
        let begun = Instant::now();
        loop {
            let Some(child) = &mut self.child else { return true };
            if let Some(status) = child.try_wait().unwrap() {
                assert_eq!(status.signal(), Some(9), "it ended by itself:\n{}", self.said());
                self.child = None;
                self.kills += 1;
                return true;
            }
            if begun.elapsed() >= within {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it said on standard error, in all its lives.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(self.app.path().join("said")).unwrap_or_default()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            eprintln!("what the node said last:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}
