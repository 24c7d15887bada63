//! `[buses.NAME.rules.NAME]`: which events of a bus go where.

use std::collections::{BTreeMap, HashSet};

use lambent_core::bus::{Rule, RuleTarget, TARGETS_MAX};
use lambent_core::{BusName, RuleName};

use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::references::Reference;
use crate::{rule_target, value};

/// Longest description, in characters (PutRule of the EventBridge API).
const DESCRIPTION_MAX: usize = 512;

/// What the keys of a rule fill in.
#[derive(Debug)]
pub(crate) struct Draft {
    bus: BusName,
    pattern: Option<String>,
    enabled: Option<bool>,
    description: Option<String>,
    targets: Option<Vec<RuleTarget>>,
    references: Vec<Reference>,
}

/// The keys of a rule.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a rule",
    about: "A rule of a bus. A name has 1 to 64 letters, digits, `.`, `-` and `_`.",
    keys: &[
        Key {
            name: "pattern",
            form: Form::Words("JSON text"),
            need: Need::Required,
            example: r#"'{"detail":{"total":[{"numeric":[">",100]}]}}'"#,
            about: "Which events: an event pattern of EventBridge.",
            read: |draft, node| set(&mut draft.pattern, value::pattern(node)),
        },
        Key {
            name: "targets",
            form: Form::Words("array of targets"),
            need: Need::Required,
            example: r#"[{ to = "queue:orders" }]"#,
            about: "Where they go, at most five; see [Targets of a rule](#targets-of-a-rule).",
            read: |draft, node| {
                let read = targets(node, &draft.bus, &mut draft.references);
                set(&mut draft.targets, read)
            },
        },
        Key {
            name: "enabled",
            form: Form::Truth(true),
            need: Need::Default,
            example: "false",
            about: "Whether it is at work.",
            read: |draft, node| set(&mut draft.enabled, value::truth(node)),
        },
        Key {
            name: "description",
            form: Form::Words("string"),
            need: Need::Without("none"),
            example: r#""orders that somebody looks at""#,
            about: "For people.",
            read: |draft, node| set(&mut draft.description, description(node)),
        },
    ],
    later: &[],
};

/// Reads a rule of `bus`. What it refers to is kept even when something else is wrong with it.
pub(crate) fn read(node: &Node<'_>, bus: &BusName, references: &mut Vec<Reference>) -> Read<Rule> {
    let name = RuleName::parse(node.name).map_err(|error| node.spot.key_fault(error.to_string()))?;
    let mut draft = Draft {
        bus: bus.clone(),
        pattern: None,
        enabled: None,
        description: None,
        targets: None,
        references: vec![],
    };
    let read = SECTION.read(node, &mut draft);
    references.append(&mut draft.references);
    read?;
    Ok(Rule {
        schedule: None,
        bus: draft.bus,
        name,
        pattern: draft.pattern.unwrap_or_default(),
        enabled: draft.enabled.unwrap_or(true),
        description: draft.description.unwrap_or_default(),
        targets: draft.targets.unwrap_or_default(),
        declared: true,
        tags: BTreeMap::new(),
    })
}

fn targets(node: &Node<'_>, bus: &BusName, references: &mut Vec<Reference>) -> Read<Vec<RuleTarget>> {
    let items: Vec<_> = node.items("an array of targets, as in [{ to = \"queue:orders\" }]")?.collect();
    if items.is_empty() {
        let fault = node.spot.fault("names no target");
        return Err(fault.suggest("write one as in [{ to = \"queue:orders\" }], or remove the rule").into());
    }
    if items.len() > TARGETS_MAX {
        let fault = node.spot.fault(format!("a rule has at most {TARGETS_MAX} targets, not {}", items.len()));
        return Err(fault.suggest("send to a topic, and subscribe the targets to it").into());
    }
    let mut faults = Faults::default();
    let mut targets: Vec<RuleTarget> = Vec::new();
    let mut ids = HashSet::new();
    for item in items {
        let Some(target) = faults.keep(rule_target::read(&item, bus, references)) else { continue };
        if !ids.insert(target.id.clone()) {
            let spot = item.get("id").map_or(item.spot, |id| id.spot);
            let fault = spot.fault(format!("another target of the rule has the id `{}`", target.id));
            faults.push(fault.suggest("give each an `id` of its own"));
        }
        targets.push(target);
    }
    faults.or(targets)
}

fn description(node: &Node<'_>) -> Read<String> {
    let text = node.text("a string")?;
    if text.chars().count() > DESCRIPTION_MAX {
        return Err(node
            .spot
            .fault(format!("a description has at most {DESCRIPTION_MAX} characters"))
            .into());
    }
    Ok(text.to_owned())
}
