//! `lambent dead-letters redrive`, `redrives` and `cancel`: letters on their way back.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::Method;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::admin::view::{NewRedrive, Plan, Redrive, Redrives};
use crate::cli::input;
use crate::client::{Remote, path};
use crate::screen::text::ago;
use crate::screen::{Cell, Paint, table};

/// How often a redrive that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// The place: a queue, or function:NAME and the like
    place: String,
    /// Only letters with this error, by its fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    error: Option<String>,
    /// Letters a second, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// A queue to send all of them to, instead of where each died
    #[arg(long, value_name = "QUEUE")]
    to: Option<String>,
    /// The version that functions run them with: $LATEST
    #[arg(long, value_name = "VERSION", value_parser = input::version)]
    version: Option<String>,
    /// Say how many would move, and where to; nothing moves
    #[arg(long)]
    dry_run: bool,
    /// Wait until all are moved, which is what happens anyway
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Do not wait until all are moved
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::super::Remote,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::super::Remote,
}

#[derive(Debug, clap::Args)]
pub(super) struct Cancel {
    /// The place that the redrive empties, or the redrive's own id
    place: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::super::Remote,
}

impl Start {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let remote = self.remote.connect();
        let request = NewRedrive {
            from: self.place.clone(),
            to: self.to.clone(),
            fingerprint: self.error.clone(),
            rate: self.rate,
            dry_run: self.dry_run,
        };
        if self.dry_run {
            let plan: Plan = remote.post("/v1/redrives", &request).await?;
            if self.json {
                super::super::print_json(&plan)?;
            } else {
                super::super::print(&planned(&plan))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let mut redrive: Redrive = remote.post("/v1/redrives", &request).await?;
        if !self.no_wait {
            redrive = follow(&remote, redrive).await?;
        }
        let failed = redrive.state == "failed";
        if self.json {
            super::super::print_json(&redrive)?;
        } else {
            super::super::print(&outcome(&redrive))?;
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Shows how far a redrive is until it is over. It goes on without us, too.
async fn follow(remote: &Remote, mut redrive: Redrive) -> anyhow::Result<Redrive> {
    let bar = ProgressBar::with_draw_target(Some(redrive.total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("  moving {bar:30} {pos}/{len} {per_sec} {eta}");
    bar.set_style(style.context("the progress bar")?);
    super::super::hint(&format!(
        "Ctrl-C leaves it running; `lambent dead-letters cancel {}` stops it",
        redrive.from
    ));
    while redrive.state == "running" {
        tokio::time::sleep(LOOK_EVERY).await;
        redrive = remote.get(&path(&["v1", "redrives", &redrive.id])).await?;
        bar.set_position(redrive.moved);
    }
    bar.finish_and_clear();
    Ok(redrive)
}

/// What has become of a redrive, for people.
fn outcome(redrive: &Redrive) -> String {
    let Redrive { from, moved, total, .. } = redrive;
    let paint = Paint::stdout();
    let of = format!("{moved} of {total} letters of `{from}`");
    let stayed = total.saturating_sub(*moved);
    match redrive.state.as_str() {
        "running" => format!(
            "moving {total} letters of `{from}`: see `lambent dead-letters redrives`, stop with `lambent dead-letters cancel {from}`"
        ),
        "failed" => {
            let reason = redrive.reason.as_deref().unwrap_or("nobody knows why");
            format!("{} after {of}: {reason}", paint.bad("failed"))
        }
        "cancelled" => format!("cancelled after {of}"),
        _ if *total == 0 => format!("`{from}` has no such letters: nothing to move"),
        _ if stayed > 0 => format!(
            "{} {of}; {stayed} stay, because where they died is unknown or gone: say where to with --to QUEUE",
            paint.good("moved")
        ),
        _ => format!("{} {of}", paint.good("moved")),
    }
}

/// What a redrive would do, for people.
fn planned(plan: &Plan) -> String {
    let Plan { from, total, destinations, complete } = plan;
    if *total == 0 {
        return format!("`{from}` has no such letters: nothing would move");
    }
    let rows = destinations.iter().map(|destination| match &destination.to {
        Some(to) => vec![Cell::new(destination.count), Cell::new(to)],
        None => {
            vec![Cell::alarming(destination.count), Cell::dim("stay: where they died is unknown or gone")]
        }
    });
    let mut text = format!("of {total} letters of `{from}` would go\n\n{}", table(&["LETTERS", "TO"], rows));
    if !complete {
        text += "\n\nonly the first ones were looked at; the others may go elsewhere";
    }
    format!("{text}\n\nnothing was moved")
}

impl List {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let answer: Redrives = self.remote.connect().get("/v1/redrives").await?;
        if self.json {
            return super::super::print_json(&answer);
        }
        if answer.redrives.is_empty() {
            return super::super::print("nothing was ever redriven");
        }
        let row = |redrive: &Redrive| {
            let state = match redrive.state.as_str() {
                "failed" => Cell::bad("failed"),
                "completed" => Cell::good("completed"),
                other => Cell::new(other),
            };
            vec![
                Cell::dim(ago(redrive.started.ago_ms)),
                Cell::new(&redrive.from),
                Cell::new(redrive.to.as_deref().unwrap_or("where they died")),
                Cell::new(redrive.fingerprint.as_deref().unwrap_or("all")),
                state,
                Cell::new(format!("{}/{}", redrive.moved, redrive.total)),
                Cell::dim(&redrive.id),
            ]
        };
        let header = ["STARTED", "FROM", "TO", "ERROR", "STATE", "MOVED", "ID"];
        super::super::print(&table(&header, answer.redrives.iter().map(row)))
    }
}

impl Cancel {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let remote = self.remote.connect();
        let place = self.place.strip_prefix("queue:").unwrap_or(&self.place);
        let answer: Redrives = remote.get("/v1/redrives").await?;
        let meant = |redrive: &&Redrive| redrive.id == place || redrive.from == place;
        let running = answer.redrives.iter().filter(|redrive| redrive.state == "running");
        let Some(redrive) = running.clone().find(meant) else {
            let known: Vec<_> = running.map(|redrive| format!("`{}`", redrive.from)).collect();
            match known.as_slice() {
                [] => bail!(
                    "no redrive is under way: `lambent dead-letters redrives` shows those that are over"
                ),
                known => bail!("no redrive of `{place}` is under way, only of {}", known.join(", ")),
            }
        };
        let path = path(&["v1", "redrives", &redrive.id]);
        let redrive: Redrive = remote.send_bytes(Method::DELETE, &path, Bytes::new()).await?;
        if self.json {
            return super::super::print_json(&redrive);
        }
        super::super::print(&outcome(&redrive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::Destination;

    fn redrive(state: &str, moved: u64, total: u64) -> Redrive {
        let json = serde_json::json!({
            "id": "1", "from": "orders-dead", "to": null, "fingerprint": null, "rate": null,
            "started": { "at": "2026", "ago_ms": 0 }, "total": total, "moved": moved, "state": state,
            "reason": "there is no queue",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn outcomes_say_what_is_left_to_do() {
        let check = |state, moved, total, expect: &str| {
            let text = outcome(&redrive(state, moved, total));
            assert!(text.contains(expect), "{text}");
        };
        check("completed", 3, 3, "moved 3 of 3 letters of `orders-dead`");
        check("completed", 1, 3, "2 stay");
        check("completed", 0, 0, "nothing to move");
        check("cancelled", 1, 3, "cancelled after 1 of 3");
        check("failed", 1, 3, "there is no queue");
        check("running", 0, 3, "lambent dead-letters cancel orders-dead");
    }

    #[test]
    fn a_plan_says_how_many_go_where() {
        let destination = |to: Option<&str>, count| Destination { to: to.map(str::to_owned), count };
        let destinations = vec![destination(None, 1), destination(Some("function:invoice"), 4)];
        let plan = Plan { from: "orders-dead".to_owned(), total: 5, destinations, complete: false };
        let text = planned(&plan);
        for part in
            ["of 5 letters", "4   function:invoice", "stay: where", "only the first", "nothing was moved"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
