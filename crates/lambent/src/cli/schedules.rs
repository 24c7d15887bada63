//! `lambent schedules`: what fires when, what became of it, and making it fire.

use std::process::ExitCode;

use bytes::Bytes;
use clap::Subcommand;
use http::Method;

use crate::admin::view::{Fired, Firing, Firings, NewFiring, Schedule, Schedules as View};
use crate::client::path;
use crate::screen::text::{ago, time};
use crate::screen::{Cell, facts, table, table_cut};

/// See what fires when, and make it fire
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent schedules list\n  lambent schedules list nightly               its next 10 times, local and UTC\n  lambent schedules history nightly\n  lambent schedules run-now nightly\n  lambent schedules backfill nightly --from 2026-02-01T00:00 --to 2026-02-03T00:00\n  lambent schedules pause nightly"
)]
pub(crate) struct Schedules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List schedules, or the next times of one
    #[command(
        after_help = "Examples:\n  lambent schedules list\n  lambent schedules list nightly\n  lambent schedules list --json | jq '.schedules[].next[0].local'"
    )]
    List(List),
    /// Fire a schedule now; its times stay
    #[command(
        after_help = "Example:\n  id=$(lambent schedules run-now nightly) && lambent result $id --wait 30s"
    )]
    RunNow(Named),
    /// Fire the times of a while that has passed
    #[command(
        after_help = "Examples:\n  lambent schedules backfill nightly --from 2026-02-01T00:00 --to 2026-02-03T00:00\n  lambent schedules backfill nightly --from 2026-02-01T00:00:00Z --to 2026-02-02T00:00:00Z"
    )]
    Backfill(Backfill),
    /// Take a schedule from work; its times pass by
    #[command(after_help = "Example:\n  lambent schedules pause nightly")]
    Pause(Named),
    /// Set a schedule to work again, from its next time on
    #[command(after_help = "Example:\n  lambent schedules resume nightly")]
    Resume(Named),
    /// Show what became of the last 100 times of a schedule
    #[command(after_help = "Example:\n  lambent schedules history nightly --limit 5")]
    History(History),
}

#[derive(Debug, clap::Args)]
struct List {
    /// The schedule
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The schedule
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, clap::Args)]
struct Backfill {
    /// The first time, in the schedule's zone, or with Z or an offset at its end
    #[arg(long, value_name = "TIME")]
    from: String,
    /// The last time
    #[arg(long, value_name = "TIME")]
    to: String,
    #[command(flatten)]
    named: Named,
}

#[derive(Debug, clap::Args)]
struct History {
    /// Times, at most
    #[arg(long, short, default_value_t = 20, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    named: Named,
}

impl Schedules {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(command) => command.run().await?,
            Command::RunNow(named) => named.run_now().await?,
            Command::Backfill(command) => command.run().await?,
            Command::Pause(named) => named.enable(false).await?,
            Command::Resume(named) => named.enable(true).await?,
            Command::History(command) => command.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let remote = self.remote.connect();
        if let Some(name) = &self.name {
            let schedule: Schedule = remote.get(&path(&["v1", "schedules", name])).await?;
            return if self.json { super::print_json(&schedule) } else { super::print(&one(&schedule)) };
        }
        let answer: View = remote.get("/v1/schedules").await?;
        if self.json {
            super::print_json(&answer)
        } else if answer.schedules.is_empty() {
            super::print(
                "there are no schedules: write schedules = [{ cron = \"0 3 * * *\" }] below a function in lambent.toml",
            )
        } else {
            super::print(&all(&answer.schedules))
        }
    }
}

impl Named {
    fn path(&self, more: &[&str]) -> String {
        path(&[&["v1", "schedules", &self.name], more].concat())
    }

    async fn run_now(self) -> anyhow::Result<()> {
        let body = NewFiring { from: None, to: None };
        let fired: Fired = self.remote.connect().post(&self.path(&["firings"]), &body).await?;
        match fired.id {
            Some(id) if !self.json => super::print(&id),
            _ => super::print_json(&fired),
        }
    }

    async fn enable(self, enabled: bool) -> anyhow::Result<()> {
        let body = Bytes::from(enabled.to_string());
        let remote = self.remote.connect();
        let schedule: Schedule = remote.send_bytes(Method::PUT, &self.path(&["enabled"]), body).await?;
        if self.json {
            return super::print_json(&schedule);
        }
        let name = &schedule.name;
        match schedule.next.first() {
            _ if !enabled => super::print(&format!("{name} is paused: its times pass by")),
            Some(next) => super::print(&format!("{name} fires next at {}", next.local)),
            None => super::print(&format!("{name} has no times any more")),
        }
    }
}

impl Backfill {
    async fn run(self) -> anyhow::Result<()> {
        let named = &self.named;
        let body = NewFiring { from: Some(self.from.clone()), to: Some(self.to.clone()) };
        let fired: Fired = named.remote.connect().post(&named.path(&["firings"]), &body).await?;
        if named.json {
            return super::print_json(&fired);
        }
        super::print(&format!("{} fired for {} of its times", named.name, fired.fired))
    }
}

impl History {
    async fn run(self) -> anyhow::Result<()> {
        let named = &self.named;
        let mut answer: Firings = named.remote.connect().get(&named.path(&["firings"])).await?;
        answer.firings.truncate(self.limit);
        if named.json {
            return super::print_json(&answer);
        }
        if answer.firings.is_empty() {
            return super::print(&format!("{} has not fired yet", named.name));
        }
        super::print(&fired(&answer.firings))
    }
}

fn all(schedules: &[Schedule]) -> String {
    let rows = schedules.iter().map(|schedule| {
        let (local, utc) = match schedule.next.first() {
            _ if !schedule.enabled => (Cell::dim("paused"), Cell::new("")),
            Some(next) => (Cell::new(&next.local), Cell::new(&next.utc.at)),
            None => (Cell::dim("over"), Cell::new("")),
        };
        let text = |text: &str| Cell::new(crate::screen::text::printable(text));
        vec![
            text(&schedule.name),
            text(&schedule.when),
            text(&schedule.timezone),
            local,
            utc,
            text(&schedule.to),
        ]
    });
    table_cut(&["SCHEDULE", "WHEN", "ZONE", "NEXT", "UTC", "TO"], rows)
}

fn one(schedule: &Schedule) -> String {
    let state = if schedule.enabled { "at work" } else { "paused" };
    let mut known = vec![
        ("when", format!("{} ({})", schedule.when, schedule.timezone)),
        ("to", schedule.to.clone()),
        ("state", state.to_owned()),
        ("missed", schedule.missed.clone()),
        ("overlap", schedule.overlap.clone()),
    ];
    if schedule.jitter_ms > 0 {
        known.push(("jitter", time(schedule.jitter_ms)));
    }
    let facts = facts(known.into_iter().map(|(name, text)| (name, crate::screen::text::printable(&text))));
    let rows = schedule.next.iter().map(|next| vec![Cell::new(&next.local), Cell::new(&next.utc.at)]);
    format!("{facts}\n\n{}", table(&["NEXT", "UTC"], rows))
}

fn fired(firings: &[Firing]) -> String {
    let rows = firings.iter().map(|firing| {
        let note = match &firing.event {
            Some(_) => Cell::new(&firing.note),
            None => Cell::dim(&firing.note),
        };
        let event = firing.event.as_deref().unwrap_or_default();
        vec![Cell::new(&firing.time.local), Cell::new(ago(firing.at.ago_ms)), note, Cell::new(event)]
    });
    table_cut(&["TIME", "FIRED", "WHAT", "EVENT"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::{Moment, Time};

    fn schedule(enabled: bool) -> Schedule {
        let utc = Moment { at: "2026-02-03T02:00:00.000Z".to_owned(), ago_ms: -1000 };
        Schedule {
            name: "nightly".to_owned(),
            when: "0 3 * * *".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            to: "function:report".to_owned(),
            enabled,
            missed: "last".to_owned(),
            overlap: "allow".to_owned(),
            jitter_ms: 0,
            next: vec![Time { local: "2026-02-03 03:00:00 +01:00".to_owned(), utc }],
        }
    }

    #[test]
    fn times_are_shown_local_and_utc() {
        let shown = all(&[schedule(true), schedule(false)]);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].contains("2026-02-03 03:00:00 +01:00"), "{shown}");
        assert!(lines[1].contains("2026-02-03T02:00:00.000Z"), "{shown}");
        assert!(lines[2].contains("paused"), "{shown}");
        assert!(one(&schedule(true)).contains("02:00:00.000Z"));
    }
}
