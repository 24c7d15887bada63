//! `lambent send`: a message for a queue or topic, an event for a bus or function.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use http::Method;
use serde_json::value::RawValue;

use super::input;
use crate::admin::view::{Accepted, Attribute, NewEvent, NewMessage};
use crate::client::{Remote, path};

/// Send a message or an event
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent send orders '{\"order\":17}' --delay 5s\n  lambent send orders.fifo hello --group customer-7 --dedup order-17\n  lambent send topic:order-placed '{\"order\":17}' --attribute kind=book --attribute price:Number=9.5\n  lambent send function:invoice '{\"order\":17}'       prints the id: see lambent result --help\n  lambent send bus:default '{\"order\":17}' --source shop --type OrderPlaced\n  cat body.json | lambent send orders -\n\nWhat is accepted is on disk."
)]
pub(crate) struct Send {
    /// A queue's name, or queue:NAME, topic:NAME, function:NAME, bus:NAME
    target: String,
    /// The message; `-` reads standard input
    body: Option<String>,
    /// Message group, for queues and topics
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// Deduplication id, for queues and topics that keep order
    #[arg(long, value_name = "ID")]
    dedup: Option<String>,
    /// An attribute of the message; with a type as in NAME:Number=VALUE
    #[arg(long, value_name = "NAME=VALUE", value_parser = input::attribute)]
    attribute: Vec<(String, Attribute)>,
    /// How long nobody can receive it, as in 5s; queues only
    #[arg(long, value_name = "TIME", value_parser = input::duration)]
    delay: Option<Duration>,
    /// Who sends the event; buses only
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// What kind of event it is; buses only
    #[arg(long = "type", value_name = "NAME")]
    kind: Option<String>,
    /// Send it as often as this, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Print JSON, an object a message
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

/// Where something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To<'a> {
    Queue(&'a str),
    Topic(&'a str),
    Function(&'a str),
    Bus(&'a str),
}

impl<'a> To<'a> {
    fn parse(text: &'a str) -> anyhow::Result<Self> {
        match text.split_once(':') {
            None => Ok(Self::Queue(text)),
            Some(("queue", name)) => Ok(Self::Queue(name)),
            Some(("topic", name)) => Ok(Self::Topic(name)),
            Some(("function", name)) => Ok(Self::Function(name)),
            Some(("bus", name)) => Ok(Self::Bus(name)),
            Some(_) => bail!(
                "`{text}` is nowhere to send to: write a queue's name, or queue:NAME, topic:NAME, function:NAME, bus:NAME"
            ),
        }
    }

    fn path(self) -> String {
        match self {
            Self::Queue(name) => path(&["v1", "queues", name, "messages"]),
            Self::Topic(name) => path(&["v1", "topics", name, "messages"]),
            Self::Function(name) => path(&["v1", "functions", name, "events"]),
            Self::Bus(name) => path(&["v1", "buses", name, "events"]),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Queue(_) => "queue",
            Self::Topic(_) => "topic",
            Self::Function(_) => "function",
            Self::Bus(_) => "bus",
        }
    }
}

impl Send {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let to = To::parse(&self.target)?;
        self.check(to)?;
        let body = self.request_body(to)?;
        let remote = self.remote.connect();
        for _ in 0..self.count {
            let accepted: Accepted = send(&remote, to, &body).await?;
            if self.json {
                super::print_json(&accepted)?;
            } else {
                super::print(&accepted.id)?;
            }
        }
        if let To::Function(_) = to {
            super::hint("see what becomes of it with `lambent result ID --wait 30s`");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Refuses what the target knows nothing of: it would be lost in silence.
    fn check(&self, to: To<'_>) -> anyhow::Result<()> {
        let messages = &["queue", "topic"][..];
        let given = [
            ("--group", self.group.is_some(), messages),
            ("--dedup", self.dedup.is_some(), messages),
            ("--attribute", !self.attribute.is_empty(), messages),
            ("--delay", self.delay.is_some(), &["queue"]),
            ("--source", self.source.is_some(), &["bus"]),
            ("--type", self.kind.is_some(), &["bus"]),
        ];
        let kind = to.kind();
        let unknown = given.iter().find(|(_, given, kinds)| *given && !kinds.contains(&kind));
        if let Some((option, _, kinds)) = unknown {
            bail!("a {kind} knows no {option}: it is for a {}", kinds.join(" or a "));
        }
        let mut names: Vec<&str> = self.attribute.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("the attribute `{}` is given twice", twice[0]);
        }
        Ok(())
    }

    /// What is posted.
    fn request_body(&self, to: To<'_>) -> anyhow::Result<Vec<u8>> {
        let given = match (&self.body, to) {
            (Some(text), _) => input::text_or_stdin(text, "the message")?,
            (None, To::Function(_)) => b"{}".to_vec(),
            (None, _) => bail!(
                "there is nothing to send: write the message behind {}, or `-` to read standard input",
                self.target
            ),
        };
        if let To::Function(_) = to {
            return Ok(given);
        }
        let text = String::from_utf8(given).context("the message is no UTF-8 text")?;
        let To::Bus(_) = to else {
            let attributes: BTreeMap<_, _> = self.attribute.iter().cloned().collect();
            let (group, deduplication) = (self.group.clone(), self.dedup.clone());
            let delay_ms = self.delay.map(input::millis);
            return Ok(serde_json::to_vec(&NewMessage {
                body: text,
                attributes,
                group,
                deduplication,
                delay_ms,
            })?);
        };
        let (Some(source), Some(kind)) = (self.source.clone(), self.kind.clone()) else {
            bail!(
                "an event for a bus needs to say who sends it and what it is: add --source NAME --type NAME"
            );
        };
        let detail = RawValue::from_string(text).context("the detail of an event is a JSON object")?;
        Ok(serde_json::to_vec(&NewEvent { source, kind, detail })?)
    }
}

/// Sends once.
async fn send(remote: &Remote, to: To<'_>, body: &[u8]) -> anyhow::Result<Accepted> {
    remote.send_bytes(Method::POST, &to.path(), body.to_vec().into()).await
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        send: Send,
    }

    /// What is posted, and where.
    fn parsed(line: &[&str]) -> Result<(String, String), String> {
        let line = Line::try_parse_from([&["send"], line].concat()).map_err(|e| e.to_string())?;
        let posted = || {
            let to = To::parse(&line.send.target)?;
            line.send.check(to)?;
            Ok::<_, anyhow::Error>((to.path(), String::from_utf8(line.send.request_body(to)?)?))
        };
        posted().map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn targets_have_their_paths() {
        let check = |target: &str, expect: &str| assert_eq!(parsed(&[target, "x"]).unwrap().0, expect);
        check("orders", "/v1/queues/orders/messages");
        check("queue:orders.fifo", "/v1/queues/orders.fifo/messages");
        check("topic:t", "/v1/topics/t/messages");
        check("function:f", "/v1/functions/f/events");
        let event = parsed(&["bus:shop/v1", "{}", "--source", "s", "--type", "t"]).unwrap();
        assert_eq!(event.0, "/v1/buses/shop%2Fv1/events");
        assert_eq!(event.1, r#"{"source":"s","type":"t","detail":{}}"#);
    }

    #[test]
    fn messages_carry_their_options() {
        let line = ["orders", "hi", "--delay", "5s", "--group", "g", "--attribute", "n:Number=1"];
        let body = parsed(&line).unwrap().1;
        assert_eq!(
            body,
            r#"{"body":"hi","attributes":{"n":{"type":"Number","value":"1"}},"group":"g","delay_ms":5000}"#
        );
        assert_eq!(parsed(&["function:f"]).unwrap().1, "{}");
    }

    #[test]
    fn what_the_target_does_not_know_is_refused() {
        let check = |line: &[&str], expect: &str| {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(expect), "{line:?}: {error}");
        };
        check(&["topic:t", "x", "--delay", "5s"], "a topic knows no --delay: it is for a queue");
        check(&["function:f", "x", "--group", "g"], "it is for a queue or a topic");
        check(&["orders", "x", "--source", "s"], "it is for a bus");
        check(&["bus:b", "{}", "--source", "s"], "add --source NAME --type NAME");
        check(&["bus:b", "no", "--source", "s", "--type", "t"], "is a JSON object");
        check(&["orders"], "nothing to send");
        check(&["https://example.com", "x"], "nowhere to send to");
        check(&["orders", "x", "--attribute", "a=1", "--attribute", "a=2"], "given twice");
        check(&["orders", "x", "--delay", "5"], "a number and a unit");
        check(&["orders", "x", "--count", "0"], "0 is not in 1..=100000");
    }
}
