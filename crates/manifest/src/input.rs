//! What a rule's target gets in place of the event: a constant, a part of the event, or a template.

use std::collections::BTreeMap;

use lambent_core::bus::Input;
use lambent_core::limits;
use lambent_core::transform::{Error, Path, PathError, Template};
use serde_json::Value;

use crate::fault::{Fault, Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::suggest::{nearest, quote};

/// Names that need no path (semantics.md 5.2).
pub(crate) const RESERVED: &[&str] = &[
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event",
    "aws.events.event.json",
    "aws.events.event.ingestion-time",
];

/// What the keys of a template fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    paths: Option<BTreeMap<String, String>>,
    template: Option<String>,
}

/// The keys of a template.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a template",
    about: "The value of `input-template`: a text that is JSON once the values are in place.",
    keys: &[
        Key {
            name: "template",
            form: Form::Words("JSON text"),
            need: Need::Required,
            example: r#"'{"total":<total>}'"#,
            about: "The text. `<name>` stands for a value; within quotes it is put in as text. A text alone stands in \
                    quotes too: `'\"order <id>\"'`.",
            read: |draft, node| set(&mut draft.template, text(node).map(str::to_owned)),
        },
        Key {
            name: "paths",
            form: Form::Words("table of paths"),
            need: Need::Without("only the names that are always there"),
            example: r#"{ total = "$.detail.total" }"#,
            about: "Names, and the parts of the event that they stand for.",
            read: |draft, node| set(&mut draft.paths, paths(node)),
        },
    ],
    later: &[],
};

/// Reads `input`.
pub(crate) fn constant(node: &Node<'_>) -> Read<Input> {
    let text = text(node)?;
    let max = limits::INPUT_MAX;
    if text.chars().count() > max {
        return Err(node.spot.fault(format!("is longer than {max} characters")).into());
    }
    if let Err(error) = serde_json::from_str::<Value>(text) {
        let fault = node.spot.fault(format!("is no JSON ({error})"));
        return Err(fault
            .suggest("write it as in '{\"a\":1}'; a text stands in quotes of its own: '\"a\"'")
            .into());
    }
    Ok(Input::Constant(text.to_owned()))
}

/// Reads `input-path`.
pub(crate) fn path(node: &Node<'_>) -> Read<Input> {
    let (text, max) = (path_text(node)?, limits::INPUT_PATH_MAX);
    if text.chars().count() > max {
        return Err(node.spot.fault(format!("is longer than {max} characters")).into());
    }
    match Path::parse(text) {
        Ok(_) => Ok(Input::Path(text.to_owned())),
        Err(error) => Err(no_path(node, &error).into()),
    }
}

/// Reads `input-template`.
pub(crate) fn template(node: &Node<'_>) -> Read<Input> {
    if !node.value.is_table() {
        let what = "a table, as in { paths = { id = \"$.id\" }, template = '{\"id\":<id>}' }";
        return Err(node.wrong_form(what).into());
    }
    let mut draft = Draft::default();
    SECTION.read(node, &mut draft)?;
    let (paths, template) = (draft.paths.unwrap_or_default(), draft.template.unwrap_or_default());
    if let (Err(error), Some(at)) = (Template::parse(&paths, &template), node.get("template")) {
        return Err(no_template(&at, &error, &paths).into());
    }
    Ok(Input::Template { paths, template })
}

fn text<'a>(node: &Node<'a>) -> Read<&'a str> {
    node.text("JSON text, as in '{\"a\":1}'")
}

fn path_text<'a>(node: &Node<'a>) -> Read<&'a str> {
    node.text("a path, as in \"$.detail\"")
}

/// Reads `paths`. Each is tried in a template of its own, so that all that are wrong are told, with their places.
fn paths(node: &Node<'_>) -> Read<BTreeMap<String, String>> {
    let mut faults = Faults::default();
    let mut paths = BTreeMap::new();
    for entry in node.entries("a table of paths, as in { total = \"$.detail.total\" }")? {
        let Some(path) = faults.keep(path_text(&entry)) else { continue };
        let one = BTreeMap::from([(entry.name.to_owned(), path.to_owned())]);
        match Template::parse(&one, "0") {
            Ok(_) => paths.extend(one),
            Err(Error::Path { error, .. }) => faults.push(no_path(&entry, &error)),
            Err(_) => {
                let fault = entry.spot.key_fault(format!("{} cannot stand in a template", quote(entry.name)));
                faults.push(fault.suggest("use letters, digits, `-` and `_`"));
            }
        }
    }
    faults.or(paths)
}

fn no_path(node: &Node<'_>, error: &PathError) -> Fault {
    let fault = node.spot.fault(format!("is no path: {} at character {}", error.reason, error.at));
    fault.suggest("write it as in \"$.detail.items[0].id\" or \"$.detail['a key']\"")
}

/// What is wrong with a template whose paths are right one by one.
fn no_template(node: &Node<'_>, error: &Error, paths: &BTreeMap<String, String>) -> Fault {
    match error {
        Error::Unknown { name, at } => {
            let fault = node.spot.fault(format!("`<{name}>` at character {at} has no path"));
            let known = paths.keys().map(String::as_str).chain(RESERVED.iter().copied());
            match nearest(name, known) {
                Some(near) => fault.suggest(format!("did you mean `<{near}>`?")),
                // Only the names that are always there have dots.
                None if name.contains('.') => fault.suggest("use letters, digits, `-` and `_`"),
                None => fault.suggest(format!("write paths = {{ {name} = \"$.detail.{name}\" }}")),
            }
        }
        Error::NotJson(reason) => {
            let fault = node.spot.fault(format!("is no JSON once the values are in place ({reason})"));
            fault.suggest(
                "write it as in '{\"total\":<total>}'; a text stands in quotes of its own: '\"order <id>\"'",
            )
        }
        Error::Empty => node.spot.fault("is empty").suggest("write it as in '{\"total\":<total>}'"),
        error => node.spot.fault(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_names_need_no_path() {
        for name in RESERVED {
            assert!(Template::parse(&BTreeMap::new(), &format!("<{name}>")).is_ok(), "{name}");
        }
    }
}
