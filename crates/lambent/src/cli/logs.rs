//! `lambent logs`: the functions' logs of a running node.

use std::process::ExitCode;

use bytes::Bytes;
use http::Request;
use serde::Deserialize;

use crate::screen::Paint;

/// Print the functions' logs of a running node
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent logs register-user --follow\n  lambent logs --request 6f0e1c1a-4a0e-4c53-9d52-3f7a2b1c0d9e\n  lambent logs --json | jq -r .text"
)]
pub(crate) struct Logs {
    /// Only this function's
    function: Option<String>,
    /// Only this request's
    #[arg(long, short, value_name = "ID")]
    request: Option<String>,
    /// Go on with new lines as they come
    #[arg(long, short)]
    follow: bool,
    /// Print JSON, an object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Skipped { skipped: u64 },
    Text { at: String, function: String, text: String },
}

impl Logs {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut query = format!("/v1/logs?follow={}", self.follow);
        if let Some(function) = &self.function {
            query += &format!("&function={function}");
        }
        if let Some(request) = &self.request {
            query += &format!("&request={request}");
        }
        let request = Request::get(query).body(Bytes::new())?;
        let paint = Paint::stdout();
        self.remote
            .connect()
            .lines(request, |line| {
                if self.json {
                    return super::print(&String::from_utf8_lossy(line));
                }
                match serde_json::from_slice(line)? {
                    Line::Text { at, function, text } => {
                        super::print(&format!("{} {} {text}", paint.dim(&at), paint.name(&function)))
                    }
                    Line::Skipped { skipped } => {
                        eprintln!("({skipped} lines skipped: they came faster than they were printed)");
                        Ok(())
                    }
                }
            })
            .await?;
        Ok(ExitCode::SUCCESS)
    }
}
