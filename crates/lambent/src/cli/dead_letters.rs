//! `lambent dead-letters`: what was given up, looked at, mended, and sent back.

mod edit;
mod redrive;

use std::process::ExitCode;

use anyhow::bail;
use bytes::Bytes;
use clap::Subcommand;
use http::Method;

use crate::admin::view::{Message, Place, Places, Removed};
use crate::client::path;
use crate::screen::{Cell, table_cut};

/// Look at what was given up, mend it, send it back
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent dead-letters list                             places, and what went wrong there\n  lambent dead-letters list function:invoice --error 9f86d081\n  lambent dead-letters show function:invoice 42\n  lambent dead-letters edit function:invoice 42\n  lambent dead-letters redrive function:invoice --error 9f86d081 --dry-run\n  lambent dead-letters redrive orders-dead --rate 10\n  lambent dead-letters discard orders-dead 42 --yes\n\nA place is a queue, or function:NAME, topic:NAME and the like where no queue was named for the dead letters."
)]
pub(crate) struct DeadLetters {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List places and errors, or the letters of a place
    #[command(
        after_help = "Examples:\n  lambent dead-letters list\n  lambent dead-letters list function:invoice --error 9f86d081 --limit 5"
    )]
    List(List),
    /// Show a letter: body, attributes, error
    #[command(
        after_help = "Examples:\n  lambent dead-letters show function:invoice 42\n  lambent dead-letters show orders-dead 42 --json | jq -r .body > body.json"
    )]
    Show(Show),
    /// Change the body of a letter
    #[command(
        after_help = "Examples:\n  lambent dead-letters edit function:invoice 42                  in $EDITOR\n  lambent dead-letters edit function:invoice 42 --body '{\"order\":17}'\n  lambent dead-letters edit function:invoice 42 - < body.json"
    )]
    Edit(edit::Edit),
    /// Send letters back to where they died, or elsewhere
    #[command(
        after_help = "Examples:\n  lambent dead-letters redrive function:invoice --dry-run\n  lambent dead-letters redrive function:invoice --error 9f86d081 --rate 10\n  lambent dead-letters redrive orders-dead --to orders-slow --no-wait"
    )]
    Redrive(redrive::Start),
    /// List redrives, the newest first
    #[command(after_help = "Example:\n  lambent dead-letters redrives")]
    Redrives(redrive::List),
    /// Stop a redrive; what is moved stays moved
    #[command(after_help = "Example:\n  lambent dead-letters cancel function:invoice")]
    Cancel(redrive::Cancel),
    /// Remove a letter for good
    #[command(after_help = "Example:\n  lambent dead-letters discard orders-dead 42 --yes")]
    Discard(Discard),
}

#[derive(Debug, clap::Args)]
struct List {
    /// The place: a queue, or function:NAME and the like
    place: Option<String>,
    /// Only letters with this error, by its fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    error: Option<String>,
    /// Letters, at most
    #[arg(long, short, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print JSON, with whole bodies
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The place
    place: String,
    /// The letter
    id: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, clap::Args)]
struct Discard {
    /// The place
    place: String,
    /// The letter
    id: i64,
    /// Really
    #[arg(long, short)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

impl DeadLetters {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(command) => command.run().await?,
            Command::Show(command) => command.run().await?,
            Command::Edit(command) => command.run().await?,
            Command::Redrive(command) => return command.run().await,
            Command::Redrives(command) => command.run().await?,
            Command::Cancel(command) => command.run().await?,
            Command::Discard(command) => command.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        match &self.place {
            Some(place) => self.letters(place).await,
            None => self.places().await,
        }
    }

    async fn places(&self) -> anyhow::Result<()> {
        let mut answer: Places = self.remote.connect().get("/v1/dead-letters").await?;
        if let Some(error) = &self.error {
            for place in &mut answer.places {
                place.errors.retain(|group| group.fingerprint == *error);
            }
            answer.places.retain(|place| !place.errors.is_empty());
        }
        if self.json {
            return super::print_json(&answer);
        }
        if answer.places.iter().all(|place| place.count == 0) {
            return super::print("there are no dead letters");
        }
        super::print(&places(&answer.places))?;
        super::hint("see the letters with `lambent dead-letters list PLACE`");
        Ok(())
    }

    async fn letters(&self, place: &str) -> anyhow::Result<()> {
        let remote = self.remote.connect();
        let path = path(&["v1", "dead-letters", place]);
        let page = super::messages::read(&remote, &path, self.error.as_deref(), self.limit).await?;
        if self.json {
            return super::print_json(&page);
        }
        match &self.error {
            _ if !page.messages.is_empty() => {}
            Some(error) => return super::print(&format!("no letter of `{place}` has the error {error}")),
            None => return super::print(&format!("`{place}` has no dead letters")),
        }
        super::print(&super::messages::dead(&page.messages))?;
        super::hint_more(page.next.is_some(), "--limit");
        Ok(())
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let letter: Message = self.remote.connect().get(&letter_path(&self.place, self.id)).await?;
        if self.json {
            return super::print_json(&letter);
        }
        super::print(&super::messages::whole(&letter))
    }
}

impl Discard {
    async fn run(self) -> anyhow::Result<()> {
        let (remote, path) = (self.remote.connect(), letter_path(&self.place, self.id));
        if !self.yes {
            let letter: Message = remote.get(&path).await?;
            let error = crate::screen::text::printable(&super::messages::error(&letter));
            bail!(
                "this would remove letter {} of `{}` for good ({error}): say so with --yes",
                self.id,
                self.place
            );
        }
        let removed: Removed = remote.send_bytes(Method::DELETE, &path, Bytes::new()).await?;
        if self.json {
            return super::print_json(&removed);
        }
        super::print(&format!("removed letter {} of `{}`", self.id, self.place))
    }
}

fn letter_path(place: &str, id: i64) -> String {
    path(&["v1", "dead-letters", place, &id.to_string()])
}

/// Places with their errors, the name of each place once.
fn places(places: &[Place]) -> String {
    let rows = places.iter().flat_map(|place| {
        let grouped: u64 = place.errors.iter().map(|group| group.count).sum();
        let errors = place.errors.iter().map(|group| {
            let example = &group.example;
            (
                group.fingerprint.as_str(),
                group.count,
                example.by.as_str(),
                super::messages::described(example),
            )
        });
        let rest = (place.count > grouped || place.errors.is_empty()).then(|| {
            let text = if place.count == 0 { "" } else { "no error was recorded, or it is a rare one" };
            ("", place.count.saturating_sub(grouped), "", text.to_owned())
        });
        errors
            .chain(rest)
            .enumerate()
            .map(|(i, (fingerprint, count, by, text))| {
                let name = if i == 0 { Cell::new(&place.place) } else { Cell::new("") };
                let by = crate::screen::text::printable(by);
                vec![name, Cell::alarming(count), Cell::new(fingerprint), Cell::new(by), Cell::new(text)]
            })
            .collect::<Vec<_>>()
    });
    table_cut(&["PLACE", "LETTERS", "ERROR", "IN", "MESSAGE"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stand_once_before_their_errors() {
        let json = serde_json::json!([
            { "place": "function:invoice", "count": 7, "errors": [
                { "fingerprint": "0123abcd", "count": 4, "example": {
                    "by": "invoice", "type": "TypeError", "message": "\u{1b}[2J", "fingerprint": "0123abcd",
                    "attempt": 3, "at": { "at": "2026", "ago_ms": 0 } } },
                { "fingerprint": "4567cdef", "count": 1, "example": {
                    "by": "invoice", "type": "Sandbox.Timedout", "message": "Task timed out", "fingerprint": "4567cdef",
                    "attempt": 3, "at": { "at": "2026", "ago_ms": 0 } } },
            ] },
            { "place": "orders-dead", "count": 0, "errors": [] },
        ]);
        let listed: Vec<Place> = serde_json::from_value(json).unwrap();
        let shown = places(&listed);
        let lines: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(lines[1], ["function:invoice", "4", "0123abcd", "invoice", "TypeError:", r"\u{1b}[2J"]);
        assert_eq!(lines[2], ["1", "4567cdef", "invoice", "Sandbox.Timedout:", "Task", "timed", "out"]);
        assert_eq!(lines[3][..2], ["2", "no"]);
        assert_eq!(lines[4], ["orders-dead", "0"]);
    }
}
