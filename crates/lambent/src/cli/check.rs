//! `lambent check`: what of an app was understood.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::screen::Paint;

/// Check an app and print what was understood of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lambent check examples/shop\n  lambent check --json | jq .routes")]
pub(crate) struct Check {
    /// The app's folder, or its lambent.toml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let app = match lambent_manifest::load(&self.path) {
            Ok(app) => app,
            Err(problems) if self.json => {
                let list: Vec<_> =
                    problems.iter().map(|problem| json!({ "problem": problem.to_string() })).collect();
                super::print(&json!({ "ok": false, "problems": list }).to_string())?;
                return Ok(ExitCode::FAILURE);
            }
            Err(problems) => {
                eprintln!("{problems}");
                return Ok(ExitCode::FAILURE);
            }
        };
        if self.json {
            super::print(&super::describe::as_json(&app).to_string())?;
        } else {
            super::print(&super::describe::text(&app))?;
            super::print(&format!("\n{} nothing in this app is ignored", Paint::stdout().good("ok:")))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
