//! Programs that run beside the bench. Each ends when it is dropped or the bench ends.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::client;

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(30);
/// How long a server may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(3);

/// A program that runs.
pub(super) struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

/// The beginning of a command line that ends with the bench: the kernel kills the program when the bench is gone, even
/// when that was killed itself. The program and its arguments follow.
pub(super) fn command() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    command
}

impl Running {
    /// Starts a program; what it prints goes to a file of its name in `folder`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn spawn(mut command: Command, name: &str, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// A connection, or `None` while the server does not listen yet.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn connected(&mut self, port: u16) -> anyhow::Result<Option<TcpStream>> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended: {status}; see {}", self.name, self.log.display());
        }
        client::connect(port)
    }

    /// Waits until the server listens.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn wait(&mut self, port: u16) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.connected(port)?.is_none() {
            if begun.elapsed() > START_MAX {
                bail!("{} does not listen after {START_MAX:?}; see {}", self.name, self.log.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once: what it has under way would not end by itself.
    pub(super) fn kill(mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        // Politely first: Lambent takes its sandboxes down.
        let mut kill = Command::new("kill");
        let asked = kill.args(["-s", "TERM", &self.child.id().to_string()]).status();
        let begun = Instant::now();
        while asked.is_ok() && begun.elapsed() < STOP_MAX {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} does not stop by itself: killed", self.name);
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Ports of loopback that nobody listens on.
pub(super) fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    // All are held at once, so that they differ.
    let mut held = Vec::new();
    for _ in 0..N {
        held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("loopback has no free port")?);
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
