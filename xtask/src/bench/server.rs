//! The servers that are compared. Each listens on loopback only, and ends when it is dropped or the bench ends.

use super::prepare::Workshop;
use super::running::{self, Running};

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
    running: Running,
}

impl Server {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn start(kind: Kind, workshop: &Workshop) -> anyhow::Result<Self> {
        let mut server = Self::spawn(kind, workshop)?;
        server.running.wait(server.port)?;
        Ok(server)
    }

    /// Starts a server and does not wait.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn spawn(kind: Kind, workshop: &Workshop) -> anyhow::Result<Self> {
        let [port, api, admin, spare] = running::free_ports()?;
        let mut command = running::command();
        command.env("NODE_ENV", "production").env("PORT", port.to_string());
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
        let running = Running::spawn(command, kind.word(), &workshop.folder)?;
        Ok(Self { kind, port, api, admin, running })
    }

    /// A connection, or `None` while the server does not listen yet.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn connected(&mut self) -> anyhow::Result<Option<std::net::TcpStream>> {
        self.running.connected(self.port)
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.pid()
    }
}
