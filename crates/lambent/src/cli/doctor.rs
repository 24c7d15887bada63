//! `lambent doctor`: what this host can run and isolate.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use lambent_core::NodeIdentity;
use lambent_core::runtime::RUNTIMES;
use lambent_engine::Logs;
use lambent_sandbox::{Error, Launcher, runtimes};
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
use crate::screen::{Paint, table};

/// Show what this host can run and isolate
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lambent doctor\n  lambent doctor --json | jq -r .isolation.tier")]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let run = std::env::temp_dir().join(format!("lambent-doctor-{}", std::process::id()));
        let launched = Launcher::start(lambent_sandbox::Config {
            init: std::env::current_exe().context("cannot find this program's own file")?,
            run: run.clone(),
            environment: Vec::new(),
            identity: NodeIdentity::default(),
            logs: Arc::new(Logs::default()),
            clock: Arc::new(SystemClock),
            tasks: TaskTracker::new(),
        })
        .await;
        let answer = self.answer(&launched);
        if let Ok(launcher) = launched {
            launcher.clear();
        }
        drop(std::fs::remove_dir_all(run));
        answer
    }

    fn answer(&self, launched: &Result<Launcher, Error>) -> anyhow::Result<ExitCode> {
        let found = runtimes();
        if self.json {
            let isolation = match launched {
                Ok(launcher) => crate::admin::isolation(launcher.isolation()),
                Err(e) => json!({ "tier": "T0 none", "error": e.to_string() }),
            };
            let runtimes: Vec<_> = found
                .iter()
                .map(|(name, good, text)| json!({ "name": name, "good": good, "detail": text }))
                .collect();
            super::print(&json!({ "isolation": isolation, "runtimes": runtimes }).to_string())?;
        } else {
            let paint = Paint::stdout();
            let mark = |good: bool| if good { paint.good("yes") } else { paint.bad("no") };
            let rows =
                found.iter().map(|(name, good, text)| vec![(*name).to_owned(), mark(*good), text.clone()]);
            super::print(&table(&["RUNTIME", "RUNS HERE", ""], rows))?;
            match launched {
                Ok(launcher) => {
                    let isolation = launcher.isolation();
                    let rows = isolation
                        .measures
                        .iter()
                        .map(|m| vec![m.name.to_owned(), mark(m.given), m.detail.clone()]);
                    super::print(&format!("\n{}", table(&["ISOLATION", "GIVEN", ""], rows)))?;
                    super::print(&format!(
                        "\nisolation tier: {}",
                        paint.strong(&isolation.tier.to_string())
                    ))?;
                }
                Err(e) => super::print(&format!("\n{} {e}", paint.bad("isolation tier: T0 none:")))?,
            }
        }
        Ok(if launched.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Each runtime, whether it runs here, and what there is to say about it.
fn runtimes() -> Vec<(&'static str, bool, String)> {
    RUNTIMES
        .iter()
        .map(|row| match runtimes::interpreter(row.runtime) {
            None => (row.name, true, row.about.to_owned()),
            Some(Ok(found)) => (row.name, true, format!("{} {}", found.path.display(), found.version)),
            Some(Err(e)) => (row.name, false, e.to_string()),
        })
        .collect()
}
