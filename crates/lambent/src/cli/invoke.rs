//! `lambent invoke`: runs a function of a running node.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::screen::Paint;

/// Run a function of a running node and print its result
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent invoke greet '{\"name\":\"Ada\"}'\n  lambent invoke greet --file event.json --tail\n  echo '{}' | lambent invoke greet -\n\nThe exit code is 1 when the function failed."
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
        let path = format!("/api/functions/{}/invocations", self.function);
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

    fn payload(&self) -> anyhow::Result<Bytes> {
        let bytes = match (&self.payload, &self.file) {
            (_, Some(file)) => {
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?
            }
            (Some(text), None) if text == "-" => {
                if std::io::stdin().is_terminal() {
                    eprintln!("reading the event from the terminal; end it with Ctrl-D");
                }
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
                bytes
            }
            (Some(text), None) => text.clone().into_bytes(),
            (None, None) => b"{}".to_vec(),
        };
        Ok(bytes.into())
    }
}
