//! `[buses.NAME]`: buses of events, and their rules.

use lambent_core::bus::Rule;
use lambent_core::{BusName, limits};

use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section};
use crate::node::Node;
use crate::references::Reference;
use crate::{app, rule};

/// What the keys of a bus fill in.
#[derive(Debug)]
pub(crate) struct Draft {
    name: BusName,
    rules: Vec<Rule>,
    references: Vec<Reference>,
}

/// The keys of a bus.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a bus",
    about: "An EventBridge-compatible bus: its rules send each event that fits their pattern to their targets. A name \
            has 1 to 256 letters, digits, `.`, `-`, `_` and `/`. The bus `default` is always there, and stands in the \
            manifest only if it has rules.",
    keys: &[Key {
        name: "rules",
        form: Form::Words("table of rules"),
        need: Need::Without("only those that are made with an AWS SDK"),
        example: r#"{ big = { pattern = '{"detail":{"total":[{"numeric":[">",100]}]}}', targets = [{ to = "queue:orders" }] } }"#,
        about: "Its rules, by their names. Usually each has a section of its own: `[buses.shop.rules.big]`.",
        read: |draft, node| draft.read_rules(node),
    }],
    later: &[],
};

/// Reads a bus into `app`. What it refers to goes there even when something else is wrong with it.
pub(crate) fn read(node: &Node<'_>, app: &mut app::Draft) -> Read<()> {
    let name = BusName::parse(node.name).map_err(|error| node.spot.key_fault(error.to_string()))?;
    let mut draft = Draft { name, rules: vec![], references: vec![] };
    let read = SECTION.read(node, &mut draft);
    app.references.append(&mut draft.references);
    read?;
    app.buses.push((draft.name, draft.rules));
    Ok(())
}

impl Draft {
    fn read_rules(&mut self, node: &Node<'_>) -> Read<()> {
        let entries: Vec<_> =
            node.entries("a table of rules, as in [buses.shop.rules.big-orders]")?.collect();
        if entries.len() > limits::RULES_MAX {
            let (count, max) = (entries.len(), limits::RULES_MAX);
            let fault = node.spot.key_fault(format!("the bus has {count} rules: at most {max}"));
            return Err(fault.suggest("spread them over several buses").into());
        }
        let mut faults = Faults::default();
        for entry in entries {
            let rule = rule::read(&entry, &self.name, &mut self.references);
            self.rules.extend(faults.keep(rule));
        }
        self.rules.sort_by(|a, b| a.name.cmp(&b.name));
        faults.or(())
    }
}
