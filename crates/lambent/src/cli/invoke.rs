//! `lambent invoke`: runs a function of a running node.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::admin::view::Accepted;
use crate::screen::Paint;

/// Run a function of a running node and print its result
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent invoke greet '{\"name\":\"Ada\"}'\n  lambent invoke greet --file event.json --tail\n  echo '{}' | lambent invoke greet -\n  lambent invoke greet --async             prints the id: see lambent result --help\n\nThe exit code is 1 when the function failed."
)]
pub(crate) struct Invoke {
    /// The function
    function: String,
    /// The event, as JSON; `-` reads standard input [default: {}]
    #[arg(conflicts_with = "file")]
    payload: Option<String>,
    /// Read the event from a file
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print the log of the invocation too, to standard error
    #[arg(long, short)]
    tail: bool,
    /// Do not wait: print the id as soon as the event is on disk
    #[arg(long = "async", conflicts_with = "tail")]
    asynchronous: bool,
    /// Print everything that is known of the invocation, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    request_id: String,
    error: Option<String>,
    payload: Box<RawValue>,
    duration_ms: Option<f64>,
    billed_ms: Option<f64>,
    init_ms: Option<f64>,
    memory_used_mib: Option<u32>,
    log: String,
}

impl Invoke {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let payload = self.payload()?;
        if self.asynchronous {
            return self.accept(payload).await;
        }
        let path = format!("/v1/functions/{}/invocations", self.function);
        let request = Request::post(path).body(payload).context("no name of a function")?;
        let answer: Answer = self.remote.connect().ask(request).await?;
        let failed = answer.error.is_some();
        if self.json {
            super::print(&serde_json::to_string(&answer)?)?;
        } else {
            let paint = Paint::stderr();
            if self.tail {
                eprint!("{}", paint.dim(&answer.log));
            }
            if let Some(kind) = &answer.error {
                eprintln!("{} {kind}", paint.bad("failed:"));
            }
            super::print(answer.payload.get())?;
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    async fn accept(self, payload: Bytes) -> anyhow::Result<ExitCode> {
        let path = crate::client::path(&["v1", "functions", &self.function, "events"]);
        let accepted: Accepted = self.remote.connect().send_bytes(http::Method::POST, &path, payload).await?;
        if self.json {
            super::print_json(&accepted)?;
        } else {
            super::print(&accepted.id)?;
            super::hint(&format!("see what becomes of it with `lambent result {} --wait 30s`", accepted.id));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn payload(&self) -> anyhow::Result<Bytes> {
        let bytes = match (&self.payload, &self.file) {
            (_, Some(file)) => {
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?
            }
            (Some(text), None) => super::input::text_or_stdin(text, "the event")?,
            (None, None) => b"{}".to_vec(),
        };
        Ok(bytes.into())
    }
}
