//! `lambent check`: what of an app was understood.

use std::path::PathBuf;
use std::process::ExitCode;

use lambent_manifest::App;
use serde_json::json;

use crate::screen::{Paint, table};

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
            super::print(&as_json(&app).to_string())?;
        } else {
            super::print(&describe(&app))?;
            super::print(&format!("\n{} nothing in this app is ignored", Paint::stdout().good("ok:")))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What an app consists of, for people.
pub(super) fn describe(app: &App) -> String {
    let mut parts = Vec::new();
    if !app.routes.is_empty() {
        let rows = app.routes.iter().map(|r| vec![r.key.to_string(), "→".to_owned(), r.function.to_string()]);
        parts.push(table(&["ROUTE", "", "FUNCTION"], rows));
    }
    let rows = app.functions.iter().map(|function| {
        let start =
            if function.command.is_empty() { function.handler.clone() } else { function.command.join(" ") };
        vec![
            function.name.to_string(),
            function.runtime.to_string(),
            start,
            format!("{:?}", function.timeout),
            format!("{} MB", function.memory_mib),
        ]
    });
    parts.push(table(&["FUNCTION", "RUNTIME", "STARTS", "TIMEOUT", "MEMORY"], rows));
    if !app.tables.is_empty() {
        let rows = app
            .tables
            .iter()
            .map(|t| vec![t.name.clone(), t.key.clone(), t.sort.clone().unwrap_or_default()]);
        parts.push(table(&["TABLE", "KEY", "SORT"], rows));
    }
    parts.join("\n\n")
}

fn as_json(app: &App) -> serde_json::Value {
    let functions: Vec<_> = app
        .functions
        .iter()
        .map(|f| {
            json!({
                "name": f.name.as_str(), "runtime": f.runtime.to_string(), "code": f.code, "handler": f.handler,
                "command": f.command, "timeout_ms": u64::try_from(f.timeout.as_millis()).unwrap_or(u64::MAX),
                "memory_mib": f.memory_mib, "tmp_mib": f.tmp_mib, "layers": f.layers, "build": f.build,
                "environment": f.environment.keys().collect::<Vec<_>>(),
            })
        })
        .collect();
    let routes: Vec<_> = app
        .routes
        .iter()
        .map(|r| json!({ "route": r.key.to_string(), "function": r.function.as_str() }))
        .collect();
    let tables: Vec<_> =
        app.tables.iter().map(|t| json!({ "name": t.name, "key": t.key, "sort": t.sort })).collect();
    json!({ "ok": true, "folder": app.folder, "functions": functions, "routes": routes, "tables": tables })
}
