//! Reads the objects of a pattern: fields, lists of conditions, and `$or`.

use serde_json::{Map, Value};

use super::error::{Error, Reason};
use super::node::Node;
use super::operators;
use crate::limits::PATTERN_DEPTH_MAX;

/// The object that a text is.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, Error> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Reason::NotObject.into()),
        Err(error) => Err(Reason::Json(error.to_string()).into()),
    }
}

/// What an object wants; `depth` levels of the pattern are above it.
pub(super) fn node(object: &Map<String, Value>, depth: usize) -> Result<Node, Error> {
    if object.is_empty() {
        return Err(Reason::EmptyObject.into());
    }
    let mut node = Node::default();
    for (key, value) in object {
        match branches(key, value) {
            Some(objects) => node.choices.push(choice(&objects, depth).map_err(|error| error.under(key))?),
            None => node.add(key, field(key, value, depth).map_err(|error| error.under(key))?),
        }
    }
    Ok(node)
}

/// The objects of an `$or`: at least two, of whose keys none is a word of operators. Any other `$or` is a field of
/// that name (semantics.md 4.6).
pub(super) fn branches<'a>(key: &str, value: &'a Value) -> Option<Vec<&'a Map<String, Value>>> {
    let objects = value.as_array().filter(|list| key == "$or" && list.len() > 1)?;
    let plain = |object: &&Map<String, Value>| !object.keys().any(|key| RESERVED.contains(&key.as_str()));
    objects.iter().map(|object| object.as_object().filter(plain)).collect()
}

/// Words of operators, those that EventBridge keeps for later among them.
const RESERVED: &[&str] = &[
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "html",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

fn choice(objects: &[&Map<String, Value>], depth: usize) -> Result<Vec<Node>, Error> {
    let depth = deeper(depth, 1)?;
    let branch = |(at, object): (usize, &&Map<String, Value>)| {
        node(object, depth).map_err(|error| error.under(&format!("[{at}]")))
    };
    objects.iter().enumerate().map(branch).collect()
}

fn field(key: &str, value: &Value, depth: usize) -> Result<Node, Error> {
    let depth = deeper(depth, key.split('.').count())?;
    match value {
        Value::Object(object) => node(object, depth),
        Value::Array(values) if values.is_empty() => Err(Reason::EmptyArray.into()),
        Value::Array(values) => {
            let condition = |(at, value): (usize, &Value)| {
                operators::condition(value).map_err(|error| error.under(&format!("[{at}]")))
            };
            let conditions = values.iter().enumerate().map(condition).collect::<Result<_, _>>()?;
            Ok(Node { values: vec![conditions], ..Node::default() })
        }
        _ => Err(Reason::Bare(key.to_owned()).into()),
    }
}

fn deeper(depth: usize, steps: usize) -> Result<usize, Reason> {
    let depth = depth + steps;
    if depth > PATTERN_DEPTH_MAX { Err(Reason::TooDeep) } else { Ok(depth) }
}
