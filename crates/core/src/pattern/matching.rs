//! Walks a pattern and an event side by side.
//!
//! In the terms of EventBridge an event is a set of paths with values. A pattern holds when there is, for each array
//! on the way, one element in which everything below it holds. A condition may also hold because there is no value;
//! that alone picks no element, so then no element may have a value. `Found` keeps the two apart.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::node::Node;

/// Whether an event has what a pattern wants.
pub(super) fn holds(root: &Node, event: &Value) -> bool {
    let found = value(root, event);
    found.there || found.absent
}

/// How something holds.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// With at least one value.
    there: bool,
    /// Without any: there is no value where one would spoil it.
    absent: bool,
}

impl Found {
    /// Holds until something is found out.
    const ALL: Self = Self { there: false, absent: true };
    const NOTHING: Self = Self { there: false, absent: false };

    /// One of two: elements of an array, or entries of the same key.
    fn any(self, other: Self) -> Self {
        Self { there: self.there || other.there, absent: self.absent && other.absent }
    }

    /// One of two branches, in the same place.
    fn or(self, other: Self) -> Self {
        Self { there: self.there || other.there, absent: self.absent || other.absent }
    }

    /// Both, in the same place.
    fn and(self, other: Self) -> Self {
        let both = self.holds() && other.holds();
        Self { there: both && (self.there || other.there), absent: self.absent && other.absent }
    }

    /// Whether no further element can change it.
    fn is_settled(self) -> bool {
        self.there && !self.absent
    }

    fn holds(self) -> bool {
        self.there || self.absent
    }
}

/// What a pattern looks at: one place of the event, outside of arrays.
#[derive(Clone, Copy)]
enum Place<'a> {
    Nothing,
    /// Neither object nor array.
    Plain(&'a Value),
    /// An object without dots in its keys.
    Object(&'a Map<String, Value>),
    /// An object with dots in its keys, as its entries; `{"a.b": 1}` stands for `{"a": {"b": 1}}`.
    Entries(&'a [Entry<'a>]),
}

type Entry<'a> = (&'a str, &'a Value);

/// What `node` finds at a value. Arrays in arrays are one array; an empty one is no value.
fn value(node: &Node, value: &Value) -> Found {
    let Value::Array(items) = value else { return single(node, value) };
    let mut found: Option<Found> = None;
    let mut open = vec![items.iter()];
    while let Some(items) = open.last_mut() {
        match items.next() {
            Some(Value::Array(inner)) => open.push(inner.iter()),
            Some(item) => {
                let one = single(node, item);
                let so_far = found.map_or(one, |found| found.any(one));
                if so_far.is_settled() {
                    return so_far;
                }
                found = Some(so_far);
            }
            None => {
                open.pop();
            }
        }
    }
    found.unwrap_or_else(|| place(node, Place::Nothing))
}

fn single(node: &Node, value: &Value) -> Found {
    match value {
        Value::Object(object) if object.keys().any(|key| key.contains('.')) => {
            place(node, Place::Entries(&entries(object)))
        }
        Value::Object(object) => place(node, Place::Object(object)),
        plain => place(node, Place::Plain(plain)),
    }
}

fn entries(object: &Map<String, Value>) -> Vec<Entry<'_>> {
    object.iter().map(|(key, value)| (key.as_str(), value)).collect()
}

/// What `node` finds in one place.
fn place(node: &Node, here: Place<'_>) -> Found {
    let mut found = Found::ALL;
    for conditions in &node.values {
        found = found.and(values(conditions, here));
    }
    for (key, child) in &node.fields {
        if !found.holds() {
            return Found::NOTHING;
        }
        found = found.and(field(key, child, here));
    }
    for branches in &node.choices {
        if !found.holds() {
            return Found::NOTHING;
        }
        let one = branches.iter().fold(Found::NOTHING, |found, branch| found.or(place(branch, here)));
        found = found.and(one);
    }
    found
}

fn values(conditions: &[Condition], here: Place<'_>) -> Found {
    match here {
        Place::Plain(value) => {
            Found { there: conditions.iter().any(|condition| condition.holds(value)), absent: false }
        }
        // Only leaves count: an object is no value (semantics.md 4.6).
        _ => Found { there: false, absent: conditions.iter().any(Condition::holds_without) },
    }
}

/// What `child` finds at `key`.
fn field(key: &str, child: &Node, here: Place<'_>) -> Found {
    match here {
        Place::Nothing | Place::Plain(_) => place(child, Place::Nothing),
        Place::Object(object) => {
            object.get(key).map_or_else(|| place(child, Place::Nothing), |at| value(child, at))
        }
        Place::Entries(entries) => dotted(key, child, entries),
    }
}

/// What `child` finds at `key`, where `{"a.b": 1, "a": {"c": 2}}` is one object `a`.
fn dotted(key: &str, child: &Node, here: &[Entry<'_>]) -> Found {
    let mut inside: Vec<Entry<'_>> = Vec::new();
    let mut found = Found::ALL;
    for (name, at) in here {
        match name.strip_prefix(key) {
            Some("") => match at {
                Value::Object(object) => inside.extend(entries(object)),
                other => found = found.any(value(child, other)),
            },
            Some(rest) => inside.extend(rest.strip_prefix('.').map(|rest| (rest, *at))),
            None => {}
        }
    }
    let inside = if inside.is_empty() { Place::Nothing } else { Place::Entries(&inside) };
    found.any(place(child, inside))
}
