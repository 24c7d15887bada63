//! The paths that EventBridge takes: a subset of JSONPath.

use std::borrow::Cow;

use serde_json::Value;

use super::PathError;

/// A path into an event, as in `$.detail.items[0].id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object.
    Name(String),
    /// An element of an array.
    Index(usize),
    /// Every member or element; what the rest of the path finds in them is a list.
    All,
}

impl Path {
    /// Reads a path: names behind dots, names in quotes and brackets, indexes in brackets, and `*`.
    ///
    /// # Errors
    /// At which character something is wrong, and what it is.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let refuse = |rest: &str, reason| {
            let at = text.chars().count() - rest.chars().count() + 1;
            Err(PathError { path: text.to_owned(), at, reason })
        };
        let Some(mut rest) = text.strip_prefix('$') else { return refuse(text, "no `$`") };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let read = if let Some(after) = rest.strip_prefix('.') {
                dotted(after)
            } else if let Some(after) = rest.strip_prefix('[') {
                bracketed(after)
            } else {
                return refuse(rest, "neither `.` nor `[`");
            };
            match read {
                Ok((step, after)) => {
                    steps.push(step);
                    rest = after;
                }
                Err(reason) => return refuse(rest, reason),
            }
        }
        Ok(Self { steps })
    }

    /// What the path leads to. With a `*` in it, the list of everything that it leads to.
    pub fn find<'a>(&self, event: &'a Value) -> Option<Cow<'a, Value>> {
        let mut here = vec![event];
        for step in &self.steps {
            here = here.into_iter().flat_map(|value| step.of(value)).collect();
        }
        if self.steps.contains(&Step::All) {
            let list = here.into_iter().cloned().collect();
            return Some(Cow::Owned(Value::Array(list)));
        }
        here.pop().map(Cow::Borrowed)
    }
}

impl Step {
    fn of<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Name(name), Value::Object(object)) => object.get(name).into_iter().collect(),
            (Self::Index(index), Value::Array(list)) => list.get(*index).into_iter().collect(),
            (Self::All, Value::Object(object)) => object.values().collect(),
            (Self::All, Value::Array(list)) => list.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// What follows a dot, and the rest.
fn dotted(text: &str) -> Result<(Step, &str), &'static str> {
    let end = text.find(['.', '[', ']', '\'', '"']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name {
        "" => Err("no name after the dot"),
        "*" => Ok((Step::All, rest)),
        _ if name.contains(char::is_whitespace) => Err("a blank in a name without quotes"),
        _ => Ok((Step::Name(name.to_owned()), rest)),
    }
}

/// What follows an opening bracket, and the rest.
fn bracketed(text: &str) -> Result<(Step, &str), &'static str> {
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        return quoted(&text[1..], quote);
    }
    let (inside, rest) = text.split_once(']').ok_or("a bracket without its end")?;
    match inside {
        "*" => Ok((Step::All, rest)),
        _ if inside.bytes().all(|b| b.is_ascii_digit()) => {
            let index = inside.parse().map_err(|_| "no index")?;
            Ok((Step::Index(index), rest))
        }
        _ => Err("neither an index nor a name in quotes"),
    }
}

/// A name up to its closing quote, where a backslash takes the next character as it is, and the rest.
fn quoted(text: &str, quote: char) -> Result<(Step, &str), &'static str> {
    let mut name = String::new();
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => name.extend(chars.next()),
            _ if next == quote => {
                let rest = chars.as_str().strip_prefix(']').ok_or("a bracket without its end")?;
                return Ok((Step::Name(name), rest));
            }
            _ => name.push(next),
        }
    }
    Err("a quote without its end")
}
