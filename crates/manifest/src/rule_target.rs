//! `targets`: where a rule sends its events.

use lambent_core::bus::{Input, RETRY, RuleTarget};
use lambent_core::{BusName, QueueName, RetryPolicy, Target, limits};

use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::references::{Reference, Role};
use crate::suggest::quote;
use crate::{input, retry, value};

/// Longest id, in characters (PutTargets of the EventBridge API).
const ID_MAX: usize = 64;

/// What the keys of a target fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    to: Option<Target>,
    id: Option<String>,
    constant: Option<Input>,
    path: Option<Input>,
    template: Option<Input>,
    group: Option<String>,
    retry: Option<RetryPolicy>,
    dead_letter: Option<QueueName>,
}

/// The keys that say what a target gets.
const INPUTS: [&str; 3] = ["input", "input-path", "input-template"];

/// The keys of a rule's target.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a target of a rule",
    about: "An element of `targets`. It gets the event, unless one of `input`, `input-path` and `input-template` says \
            something else.",
    keys: &[
        Key {
            name: "to",
            form: Form::Words("target"),
            need: Need::Required,
            example: r#""queue:orders""#,
            about: "Where the events go; see [Targets](#targets).",
            read: |draft, node| set(&mut draft.to, value::target(node)),
        },
        Key {
            name: "id",
            form: Form::Words("string"),
            need: Need::Without("the text of `to`"),
            example: r#""orders""#,
            about: "What tells it from the rule's other targets: 1 to 64 letters, digits, `.`, `-` and `_`.",
            read: |draft, node| set(&mut draft.id, id(node)),
        },
        Key {
            name: "input",
            form: Form::Words("JSON text"),
            need: Need::Without("the event"),
            example: r#"'{"a":1}'"#,
            about: "It gets this, whatever the event.",
            read: |draft, node| set(&mut draft.constant, input::constant(node)),
        },
        Key {
            name: "input-path",
            form: Form::Words("path"),
            need: Need::Without("the event"),
            example: r#""$.detail""#,
            about: "It gets this part of the event. A path is `$`, then `.name`, `['a name']`, `[0]` and, for all of them, `[*]`.",
            read: |draft, node| set(&mut draft.path, input::path(node)),
        },
        Key {
            name: "input-template",
            form: Form::Words("table"),
            need: Need::Without("the event"),
            example: r#"{ paths = { total = "$.detail.total" }, template = '{"total":<total>}' }"#,
            about: "It gets a text with parts of the event put in; see [Templates](#templates).",
            read: |draft, node| set(&mut draft.template, input::template(node)),
        },
        Key {
            name: "group",
            form: Form::Words("string"),
            need: Need::Without("**required** by a queue that keeps order"),
            example: r#""orders""#,
            about: "The message group of the events. Only a `.fifo` queue has it.",
            read: |draft, node| set(&mut draft.group, group(node)),
        },
        Key {
            name: "retry",
            form: Form::Words("table"),
            need: Need::Without("186 attempts, 1 second to 10 minutes apart, for a day at most"),
            example: "{ attempts = 10 }",
            about: "How delivery is tried again; see [Retry](#retry). What a function then fails at is tried again as \
                    the function's own `retry` says.",
            read: |draft, node| set(&mut draft.retry, retry::read(node, RETRY)),
        },
        Key {
            name: "dead-letter",
            form: Form::Words("name of a queue"),
            need: Need::Without("they are dropped"),
            example: r#""orders-dead""#,
            about: "The queue of the events that could not be delivered. It does not keep order.",
            read: |draft, node| set(&mut draft.dead_letter, value::queue(node)),
        },
    ],
    later: &[],
};

/// Reads a target of a rule of `bus`. What it refers to is kept even when something else is wrong with it.
pub(crate) fn read(node: &Node<'_>, bus: &BusName, references: &mut Vec<Reference>) -> Read<RuleTarget> {
    if !node.value.is_table() {
        return Err(node.wrong_form("a target, as in { to = \"queue:orders\" }").into());
    }
    let mut faults = Faults::default();
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    faults.append(draft.check(node));
    references.extend(Reference::read(node, "to", Role::Rule(bus.clone()), draft.to.clone()));
    let dead_letter = draft.dead_letter.clone().map(Target::Queue);
    references.extend(Reference::read(node, "dead-letter", Role::RuleDead, dead_letter));
    // A target that goes nowhere has been refused by now.
    let Some(target) = draft.to else { return Err(faults) };
    faults.or(RuleTarget {
        id: draft.id.unwrap_or_else(|| target.to_string()),
        target,
        input: draft.constant.or(draft.path).or(draft.template).unwrap_or_default(),
        group: draft.group,
        retry: draft.retry.unwrap_or(RETRY),
        dead_letter: draft.dead_letter,
    })
}

impl Draft {
    /// What is wrong between keys that are right one by one.
    fn check(&self, node: &Node<'_>) -> Faults {
        let mut faults = Faults::default();
        let given: Vec<_> = INPUTS.iter().filter_map(|key| node.get(key)).collect();
        for extra in given.iter().skip(1) {
            let fault = extra.spot.key_fault(format!("a target has `{}` or `{}`", given[0].name, extra.name));
            faults.push(fault.suggest("remove one of the two"));
        }
        let Some(to) = &self.to else { return faults };
        let ordered = matches!(to, Target::Queue(name) if name.is_fifo());
        match node.get("group") {
            Some(group) if !ordered => {
                let fault = group.spot.key_fault("only a queue that keeps order has message groups");
                faults.push(fault.suggest("remove `group`"));
            }
            None if ordered => {
                let fault =
                    node.spot.fault(format!("`group` is missing: `{to}` keeps the order of each group"));
                faults.push(fault.suggest("write group = \"orders\""));
            }
            _ => {}
        }
        faults
    }
}

fn id(node: &Node<'_>) -> Read<String> {
    let text = node.text("a string")?;
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if text.is_empty() || text.len() > ID_MAX || !text.bytes().all(known) {
        let message =
            format!("{} is no id: use 1 to {ID_MAX} letters, digits, `.`, `-` and `_`", quote(text));
        return Err(node.spot.fault(message).into());
    }
    Ok(text.to_owned())
}

fn group(node: &Node<'_>) -> Read<String> {
    let text = node.text("the name of a message group")?;
    if text.is_empty() || text.len() > limits::DEDUP_ID_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let max = limits::DEDUP_ID_MAX;
        let message =
            format!("{} is no message group: use 1 to {max} letters, digits and punctuation", quote(text));
        return Err(node.spot.fault(message).into());
    }
    Ok(text.to_owned())
}
