//! `lambent topics` and `lambent buses`: who is told what.

use std::process::ExitCode;

use crate::admin::view;
use crate::screen::{Cell, table_cut};

/// List topics and who has subscribed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lambent topics\n  lambent topics --json | jq '.topics[].name'")]
pub(crate) struct Topics {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

/// List buses and their rules
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lambent buses\n  lambent buses --json | jq '.buses[].rules[].to'")]
pub(crate) struct Buses {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

impl Topics {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let answer: view::Topics = self.remote.connect().get("/v1/topics").await?;
        if self.json {
            super::print_json(&answer)?;
        } else if answer.topics.is_empty() {
            super::print("there are no topics: write [topics.NAME] in lambent.toml")?;
        } else {
            super::print(&topics(&answer.topics))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Buses {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let answer: view::Buses = self.remote.connect().get("/v1/buses").await?;
        if self.json {
            super::print_json(&answer)?;
        } else {
            super::print(&buses(&answer.buses))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn topics(topics: &[view::Topic]) -> String {
    let rows = topics.iter().flat_map(|topic| {
        let none = topic.subscriptions.is_empty();
        let nobody =
            none.then(|| vec![Cell::new(&topic.name), Cell::dim("nobody"), Cell::new(""), Cell::new("")]);
        let listeners = topic.subscriptions.iter().enumerate().map(|(i, subscription)| {
            let name = if i == 0 { topic.name.as_str() } else { "" };
            let state = match (subscription.confirmed, subscription.raw) {
                (false, _) => Cell::bad("not confirmed"),
                (true, true) => Cell::new("raw"),
                (true, false) => Cell::new(""),
            };
            let filter = subscription.filter.as_deref().unwrap_or("everything");
            vec![
                Cell::new(name),
                Cell::new(crate::screen::text::printable(&subscription.to)),
                state,
                Cell::new(filter),
            ]
        });
        nobody.into_iter().chain(listeners).collect::<Vec<_>>()
    });
    table_cut(&["TOPIC", "SUBSCRIBER", "", "GETS"], rows)
}

fn buses(buses: &[view::Bus]) -> String {
    let rows = buses.iter().flat_map(|bus| {
        let none = bus.rules.is_empty();
        let no_rule = none.then(|| {
            vec![Cell::new(&bus.name), Cell::dim("no rules"), Cell::new(""), Cell::new(""), Cell::new("")]
        });
        let rules = bus.rules.iter().enumerate().map(|(i, rule)| {
            let name = if i == 0 { bus.name.as_str() } else { "" };
            let state = if rule.enabled { Cell::new("") } else { Cell::dim("off") };
            let to = crate::screen::text::printable(&rule.to.join(", "));
            vec![Cell::new(name), Cell::new(&rule.name), state, Cell::new(to), Cell::new(&rule.pattern)]
        });
        no_rule.into_iter().chain(rules).collect::<Vec<_>>()
    });
    table_cut(&["BUS", "RULE", "", "TO", "TAKES"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_stand_once_before_their_subscribers() {
        let subscription = |to: &str, confirmed| view::Subscription {
            id: String::new(),
            to: to.to_owned(),
            filter: None,
            raw: false,
            dead_letter: None,
            confirmed,
        };
        let listeners = vec![subscription("queue:a", true), subscription("https://b", false)];
        let topic = |name: &str, subscriptions| view::Topic { name: name.to_owned(), subscriptions };
        let shown = topics(&[topic("placed", listeners), topic("empty", vec![])]);
        let lines: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(lines[1], ["placed", "queue:a", "everything"]);
        assert_eq!(lines[2], ["https://b", "not", "confirmed", "everything"]);
        assert_eq!(lines[3], ["empty", "nobody"]);
    }

    #[test]
    fn rules_that_are_off_say_so() {
        let rule = view::Rule {
            name: "r".to_owned(),
            enabled: false,
            pattern: "{\"source\":[\"shop\"]}".to_owned(),
            to: vec!["function:f".to_owned(), "queue:q".to_owned()],
        };
        let shown = buses(&[view::Bus { name: "default".to_owned(), rules: vec![rule] }]);
        let line: Vec<_> = shown.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(line, ["default", "r", "off", "function:f,", "queue:q", "{\"source\":[\"shop\"]}"]);
    }
}
