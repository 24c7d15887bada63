//! A node that is killed and started again, in the same place.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Folder, eventually, lambent, run};

/// Ports that no connection is given by chance, so that nobody takes them while the node is down.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// A node of an app, which may be running.
pub(crate) struct Victim {
    app: Folder,
    pub(crate) ports: Ports,
    child: Option<Child>,
    /// The process in whose mount namespace it runs, where that is not ours, and more arguments.
    elsewhere: Option<(u32, Vec<String>)>,
    /// How often it was killed.
    pub(crate) kills: u32,
}

/// Where it listens, always.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) gateway: u16,
    pub(crate) api: u16,
    pub(crate) admin: u16,
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
    pub(crate) fn new(app: Folder) -> Self {
        Self { app, ports: Ports::free(), child: None, elsewhere: None, kills: 0 }
    }

    /// It will run in the mount namespace of this process, with these arguments more.
    pub(crate) fn in_namespace_of(mut self, process: u32, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self.elsewhere = Some((process, arguments));
        self
    }

    /// Starts it, to be killed at a fail point or not.
    pub(crate) fn start(&mut self, fail: Option<&str>) {
        let said = OpenOptions::new().create(true).append(true).open(self.app.path().join("said")).unwrap();
        let mut command = lambent();
        if let Some((process, _)) = &self.elsewhere {
            let mut entering = Command::new("nsenter");
            entering.arg(format!("--mount=/proc/{process}/ns/mnt")).arg(command.get_program());
            entering.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = entering;
        }
        command.arg("up").arg(self.app.path()).args(["--no-reload", "--quiet"]);
        command.args(self.elsewhere.iter().flat_map(|(_, arguments)| arguments));
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
    pub(crate) fn kill(&mut self) {
        self.child.as_mut().unwrap().kill().unwrap();
        assert!(self.is_gone(Duration::from_secs(10)), "it outlives SIGKILL");
    }

    /// Whether it runs; a node that has ended by itself has given a reason.
    pub(crate) fn runs(&mut self) -> bool {
        let Some(child) = &mut self.child else { return false };
        if child.try_wait().unwrap().is_none() {
            return true;
        }
        self.child = None;
        false
    }

    /// Whether it is gone, or is within this time. It must have been killed.
    pub(crate) fn is_gone(&mut self, within: Duration) -> bool {
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

    /// Stops it in peace.
    pub(crate) fn stop(&mut self) {
        let child = self.child.as_mut().unwrap();
        run(Command::new("kill").arg(child.id().to_string()));
        let code = eventually("the node stops", || child.try_wait().unwrap());
        self.child = None;
        assert!(code.success(), "{code}: {}", self.said());
    }

    /// What it said on standard error, in all its lives.
    pub(crate) fn said(&self) -> String {
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
