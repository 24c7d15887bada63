//! The servers that are compared. Each listens on loopback only, and ends when it is dropped or the bench ends.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::client;
use super::prepare::Workshop;

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(30);
/// How long a server may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(3);

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Raw,
    Framework,
    Offline,
    Lambent,
}

impl Kind {
    /// In the order of a round, which is that of their numbers.
    pub(super) const ALL: [Self; 4] = [Self::Raw, Self::Framework, Self::Offline, Self::Lambent];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw `http.createServer`",
            Self::Framework => "functions-framework",
            Self::Offline => "serverless-offline",
            Self::Lambent => "**Lambent**",
        }
    }

    /// A word for the log file and for progress.
    fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Framework => "functions-framework",
            Self::Offline => "serverless-offline",
            Self::Lambent => "lambent",
        }
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) kind: Kind,
    pub(super) port: u16,
    /// Lambent's AWS-compatible API, and its admin port.
    pub(super) api: u16,
    pub(super) admin: u16,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn start(kind: Kind, workshop: &Workshop) -> anyhow::Result<Self> {
        let mut server = Self::spawn(kind, workshop)?;
        let begun = Instant::now();
        while server.connected()?.is_none() {
            if begun.elapsed() > START_MAX {
                bail!("{} does not listen after {START_MAX:?}; see {}", kind.word(), server.log.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Starts a server and does not wait.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn spawn(kind: Kind, workshop: &Workshop) -> anyhow::Result<Self> {
        let [port, api, admin, spare] = free_ports()?;
        let log = workshop.folder.join(format!("{}.log", kind.word()));
        let output = File::create(&log)?;
        // The kernel kills the server when the bench is gone, even when that was killed itself.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .env("NODE_ENV", "production")
            .env("PORT", port.to_string());
        match kind {
            Kind::Raw => command.args(["node", "raw.js"]).current_dir(&workshop.folder),
            Kind::Framework => command.args(["node", "framework.js"]).current_dir(&workshop.folder),
            Kind::Offline => command
                .args([
                    "node",
                    "../node_modules/serverless/bin/serverless.js",
                    "offline",
                    "--host",
                    "127.0.0.1",
                ])
                .args(["--httpPort", &port.to_string(), "--lambdaPort", &api.to_string()])
                .args(["--albPort", &admin.to_string(), "--websocketPort", &spare.to_string()])
                .envs([("SLS_TELEMETRY_DISABLED", "1"), ("SLS_TRACKING_DISABLED", "1")])
                // It keeps files of its own there.
                .env("HOME", workshop.folder.join("home"))
                .envs([("SLS_NOTIFICATIONS_MODE", "off"), ("SLS_INTERACTIVE_SETUP_ENABLE", "0")])
                .current_dir(workshop.folder.join("app")),
            Kind::Lambent => command
                .arg(&workshop.lambent)
                .args(["up", "--quiet", "--gateway", &format!("127.0.0.1:{port}")])
                .args(["--api", &format!("127.0.0.1:{api}"), "--admin", &format!("127.0.0.1:{admin}")])
                .arg("--data")
                .arg(workshop.folder.join("data"))
                .arg("--cache")
                .arg(workshop.folder.join("cache"))
                .current_dir(workshop.folder.join("app")),
        };
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("cannot start {}", kind.word()))?;
        Ok(Self { kind, port, api, admin, child, log })
    }

    /// A connection, or `None` while the server does not listen yet.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn connected(&mut self) -> anyhow::Result<Option<std::net::TcpStream>> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended: {status}; see {}", self.kind.word(), self.log.display());
        }
        client::connect(self.port)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
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
        eprintln!("{} does not stop by itself: killed", self.kind.word());
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Ports of loopback that nobody listens on.
fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
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
