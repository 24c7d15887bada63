//! `lambent version`.

use std::process::ExitCode;

use serde_json::json;

/// Print the version
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lambent version --json")]
pub(crate) struct Version {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Version {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let version = env!("CARGO_PKG_VERSION");
        if self.json {
            super::print(&json!({ "version": version, "target": std::env::consts::ARCH }).to_string())?;
        } else {
            super::print(&format!("lambent {version}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
