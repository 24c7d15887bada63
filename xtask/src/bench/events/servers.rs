//! The servers of the events bench. Each listens on loopback only, and ends when it is dropped or the bench ends.

use anyhow::Context;
use serde_json::Value;

use super::workshop::Workshop;
use crate::bench::client;
use crate::bench::footprint;
use crate::bench::running::{self, Running};

/// `lambent up` with the functions of `benches/events/app`, and a folder of its own.
pub(super) struct Lambent {
    pub(super) api: u16,
    admin: u16,
    running: Running,
}

impl Lambent {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn start(workshop: &Workshop, name: &str) -> anyhow::Result<Self> {
        let [gateway, api, admin] = running::free_ports()?;
        let mut command = running::command();
        command
            .arg(&workshop.lambent)
            .args(["up", "--quiet", "--no-reload", "--gateway", &format!("127.0.0.1:{gateway}")])
            .args(["--api", &format!("127.0.0.1:{api}"), "--admin", &format!("127.0.0.1:{admin}")])
            .arg("--data")
            .arg(workshop.data(name))
            .arg("--cache")
            .arg(workshop.data("cache"))
            .current_dir(workshop.folder.join("app"));
        let mut running = Running::spawn(command, name, &workshop.folder)?;
        // Ports are bound before anything is deployed, and served after everything is.
        running.wait(admin)?;
        client::ask(admin, "/health", None)?;
        Ok(Self { api, admin, running })
    }

    /// How many sandboxes a function has.
    ///
    /// # Errors
    /// When the admin API does not tell.
    pub(super) fn sandboxes(&self, function: &str) -> anyhow::Result<u64> {
        let answer = client::ask(self.admin, "/v1/functions", None)?;
        let functions: Value = serde_json::from_slice(&answer.body)?;
        let one = functions["functions"].as_array().into_iter().flatten().find(|one| one["name"] == function);
        one.and_then(|one| one["sandboxes"].as_u64()).with_context(|| {
            format!("the admin API does not count the sandboxes of {function}: {} {functions}", answer.status)
        })
    }

    /// Ends it at once, with invocations that would not end by themselves.
    pub(super) fn kill(self) {
        self.running.kill();
    }

    /// Its memory, in MiB, without its sandboxes.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn memory(&self) -> anyhow::Result<f64> {
        let kib = footprint::of(self.running.pid())?.own_rss;
        Ok(f64::from(u32::try_from(kib)?) / 1024.0)
    }
}

/// moto's server, which keeps everything in memory.
pub(super) struct Moto {
    pub(super) port: u16,
    _running: Running,
}

impl Moto {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn start(workshop: &Workshop) -> anyhow::Result<Self> {
        let [port] = running::free_ports()?;
        let mut command = running::command();
        command.arg(&workshop.python).args([
            "-m",
            "moto.server",
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ]);
        let mut running = Running::spawn(command, "moto", &workshop.folder)?;
        running.wait(port)?;
        Ok(Self { port, _running: running })
    }
}
