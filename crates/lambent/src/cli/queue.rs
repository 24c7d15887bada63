//! `lambent queue`: what queues hold.

use std::process::ExitCode;

use anyhow::bail;
use bytes::Bytes;
use clap::Subcommand;
use http::Method;

use crate::admin::view;
use crate::client::path;
use crate::screen::text::{ago, size, time};
use crate::screen::{Cell, facts, table};

/// Look into the queues of a running node
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent queue list\n  lambent queue show orders\n  lambent queue peek orders --limit 5\n  lambent queue purge orders --yes"
)]
pub(crate) struct Queue {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all queues with what they hold
    #[command(after_help = "Example:\n  lambent queue list --json | jq '.queues[] | select(.ready > 0)'")]
    List(List),
    /// Show a queue and its settings
    #[command(after_help = "Example:\n  lambent queue show orders")]
    Show(Show),
    /// Look at messages without receiving them
    #[command(
        after_help = "Examples:\n  lambent queue peek orders\n  lambent queue peek orders --limit 1 --json | jq -r .messages[0].body"
    )]
    Peek(Peek),
    /// Remove all messages, those in flight too
    #[command(after_help = "Example:\n  lambent queue purge orders --yes")]
    Purge(Purge),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The queue
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, clap::Args)]
struct Peek {
    /// The queue
    name: String,
    /// Messages, at most
    #[arg(long, short, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print JSON, with whole bodies
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

#[derive(Debug, clap::Args)]
struct Purge {
    /// The queue
    name: String,
    /// Really
    #[arg(long, short)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

impl Queue {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(command) => command.run().await?,
            Command::Show(command) => command.run().await?,
            Command::Peek(command) => command.run().await?,
            Command::Purge(command) => command.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let answer: view::Queues = self.remote.connect().get("/v1/queues").await?;
        if self.json {
            return super::print_json(&answer);
        }
        if answer.queues.is_empty() {
            return super::print("there are no queues: write [queues.NAME] in lambent.toml");
        }
        super::print(&listed(&answer.queues))
    }
}

fn listed(queues: &[view::Queue]) -> String {
    let row = |queue: &view::Queue| {
        vec![
            Cell::new(&queue.name),
            Cell::new(queue.ready),
            Cell::new(queue.in_flight),
            Cell::new(queue.delayed),
            Cell::dim(queue.oldest.as_ref().map(|oldest| ago(oldest.ago_ms)).unwrap_or_default()),
        ]
    };
    table(&["QUEUE", "READY", "IN FLIGHT", "DELAYED", "OLDEST"], queues.iter().map(row))
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let answer: view::QueueDetail =
            self.remote.connect().get(&path(&["v1", "queues", queue_name(&self.name)])).await?;
        if self.json {
            return super::print_json(&answer);
        }
        super::print(&format!("{}\n\n{}", listed(std::slice::from_ref(&answer.queue)), settings(&answer)))
    }
}

fn settings(queue: &view::QueueDetail) -> String {
    let yes = |yes: bool, text: &str| if yes { text.to_owned() } else { String::new() };
    let dead_letter = match (&queue.dead_letter, queue.max_receives) {
        (Some(name), Some(max)) => format!("{name}, after {max} receives"),
        _ => String::new(),
    };
    facts([
        ("keeps order", yes(queue.queue.fifo, "yes")),
        ("visibility", time(queue.visibility_ms)),
        ("delay", time(queue.delay_ms)),
        ("retention", time(queue.retention_ms)),
        ("wait", time(queue.wait_ms)),
        ("message-max", size(queue.message_max)),
        ("dead-letter", dead_letter),
        ("takes dead letters of", queue.takes_dead_letters_of.join(", ")),
        ("content-deduplication", yes(queue.content_deduplication, "yes")),
        ("deduplication-scope", yes(queue.deduplication_by_group, "message-group")),
        ("made", ago(queue.created.ago_ms)),
        ("changed", ago(queue.modified.ago_ms)),
    ])
}

impl Peek {
    async fn run(self) -> anyhow::Result<()> {
        let path = path(&["v1", "queues", queue_name(&self.name), "messages"]);
        let page = super::messages::read(&self.remote.connect(), &path, None, self.limit).await?;
        if self.json {
            return super::print_json(&page);
        }
        if page.messages.is_empty() {
            return super::print(&format!("`{}` is empty", self.name));
        }
        super::print(&super::messages::waiting(&page.messages))?;
        super::hint_more(page.next.is_some(), "--limit");
        Ok(())
    }
}

impl Purge {
    async fn run(self) -> anyhow::Result<()> {
        let (remote, name) = (self.remote.connect(), queue_name(&self.name));
        if !self.yes {
            let queue: view::Queue = remote.get(&path(&["v1", "queues", name])).await?;
            let count = queue.ready + queue.in_flight + queue.delayed;
            bail!("this would remove all {count} messages of `{name}` for good: say so with --yes");
        }
        let path = path(&["v1", "queues", name, "messages"]);
        let removed: view::Removed = remote.send_bytes(Method::DELETE, &path, Bytes::new()).await?;
        if self.json {
            return super::print_json(&removed);
        }
        super::print(&format!("removed {} messages of `{name}`", removed.removed))
    }
}

/// `queue:orders` is the queue `orders` here too.
fn queue_name(text: &str) -> &str {
    text.strip_prefix("queue:").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_shown_with_what_is_set() {
        let moment = serde_json::json!({ "at": "2026", "ago_ms": 60_000 });
        let mut json = serde_json::json!({
            "name": "orders", "fifo": false, "ready": 3, "in_flight": 1, "delayed": 0, "oldest": moment,
            "created": moment, "modified": moment, "visibility_ms": 30_000, "delay_ms": 0,
            "retention_ms": 345_600_000, "wait_ms": 0, "message_max": 1_048_576,
            "dead_letter": "orders-dead", "max_receives": 5, "takes_dead_letters_of": [],
            "content_deduplication": false, "deduplication_by_group": false,
        });
        let shown = settings(&serde_json::from_value(json.clone()).unwrap());
        for part in ["retention              4d", "orders-dead, after 5 receives", "1 MB", "1m ago"] {
            // The widths are those of the names that are shown.
            let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(squeezed(&shown).contains(&squeezed(part)), "{part}: {shown}");
        }
        assert!(!shown.contains("deduplication"), "{shown}");
        json["fifo"] = true.into();
        let queue: view::QueueDetail = serde_json::from_value(json).unwrap();
        assert!(settings(&queue).contains("keeps order"));
        assert!(listed(&[queue.queue]).contains("orders"));
    }
}
