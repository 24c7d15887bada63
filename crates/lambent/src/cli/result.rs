//! `lambent result`: what became of an asynchronous invocation.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::input;
use crate::client::{Refused, path};
use crate::screen::text::printable_lines;
use crate::screen::{Paint, facts};

/// How often a result that is waited for is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Show what became of an asynchronous invocation
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent result 6f0e1c1a-4a0e-4c53-9d52-3f7a2b1c0d9e\n  id=$(lambent invoke invoice --async) && lambent result $id --wait 30s\n  lambent result $id --json | jq .response\n\nThe exit code is 1 when it was given up, and when nothing is known of it (yet)."
)]
pub(crate) struct Result {
    /// The id that `lambent send` or `lambent invoke --async` printed
    id: String,
    /// Wait for it so long, as in 30s
    #[arg(long, value_name = "TIME", value_parser = input::duration)]
    wait: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finished {
    function: String,
    state: String,
    condition: String,
    attempts: u64,
    finished_at: String,
    response: Box<RawValue>,
}

impl Result {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let text = self.find().await?;
        let finished: Finished = serde_json::from_str(text.get())?;
        let done = finished.state == "done";
        if self.json {
            super::print_json(&text)?;
        } else {
            super::print(&shown(&finished, done))?;
        }
        Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Looks, and looks again as long as nothing is known and there is time.
    async fn find(&self) -> anyhow::Result<Box<RawValue>> {
        let (remote, path) = (self.remote.connect(), path(&["v1", "results", &self.id]));
        let begun = Instant::now();
        loop {
            let error = match remote.get(&path).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let unknown =
                error.downcast_ref::<Refused>().is_some_and(|no| no.status == StatusCode::NOT_FOUND);
            if !unknown || begun.elapsed() >= self.wait.unwrap_or_default() {
                return Err(error);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn shown(finished: &Finished, done: bool) -> String {
    let paint = Paint::stdout();
    let state = if done { paint.good("done") } else { paint.bad("dead") };
    let because = if done { String::new() } else { finished.condition.clone() };
    let about = facts([
        ("function", finished.function.clone()),
        ("because", because),
        ("attempts", finished.attempts.to_string()),
        ("finished", finished.finished_at.clone()),
    ]);
    format!("{state}\n{about}\n\n{}", printable_lines(finished.response.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_shown_with_their_response() {
        let text = r#"{"id":"1","function":"f","state":"dead","condition":"RetriesExhausted","attempts":3,"finishedAt":"2026","response":{"errorMessage":"boom"}}"#;
        let shown = shown(&serde_json::from_str(text).unwrap(), false);
        for part in ["dead\n", "RetriesExhausted", "attempts  3", "\n\n{\"errorMessage\":\"boom\"}"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
