//! Route keys of an HTTP API: `METHOD /path` or `$default` (semantics.md 6.1).

use std::fmt;
use std::time::Duration;

use crate::FunctionName;

/// A route: which requests go to which function, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Which requests.
    pub key: RouteKey,
    /// To which function.
    pub function: FunctionName,
    /// The shape of the event.
    pub format: PayloadFormat,
    /// How long the gateway waits for the answer to begin.
    pub timeout: Duration,
    /// The request is answered with 202 once the event is stored, and the function runs later.
    pub asynchronous: bool,
}

/// The shape of an event and of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadFormat {
    /// Payload format 1.0.
    V1,
    /// Payload format 2.0, the default.
    #[default]
    V2,
}

/// Which requests a route takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RouteKey {
    /// Those that no other route takes.
    Default,
    /// Those of this method (`None` is `ANY`) and path.
    Path {
        /// In capitals; `None` takes every method.
        method: Option<String>,
        /// As written: `/pets/{id}`, `/files/{proxy+}`.
        path: String,
    },
}

/// Why a text is no route key. The text itself is named by whoever knows its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoute {
    /// No method, or more than method and path.
    #[error("a route is `METHOD /path` or `$default`, as in `POST /users`")]
    Shape,
    /// The method is none.
    #[error("`{0}` is no method: use one of GET POST PUT PATCH DELETE HEAD OPTIONS or ANY")]
    Method(String),
    /// The path does not begin with a slash.
    #[error("the path `{0}` must begin with `/`")]
    NoSlash(String),
    /// A segment has a brace but is no variable.
    #[error("`{0}` is no path segment: a variable fills a whole segment, as in `{{id}}` or `{{proxy+}}`")]
    Segment(String),
    /// A greedy variable is not the last segment.
    #[error("`{0}` takes the rest of the path, so it can only stand last")]
    GreedyNotLast(String),
    /// A variable stands twice.
    #[error("the variable `{0}` stands twice in one path")]
    Twice(String),
}

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl RouteKey {
    /// Reads a route key.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, InvalidRoute> {
        if text == "$default" {
            return Ok(Self::Default);
        }
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let (Some(method), Some(path), None) = (words.next(), words.next(), words.next()) else {
            return Err(InvalidRoute::Shape);
        };
        let method = match method {
            "ANY" => None,
            known if METHODS.contains(&known) => Some(known.to_owned()),
            other => return Err(InvalidRoute::Method(other.to_owned())),
        };
        check_path(path)?;
        Ok(Self::Path { method, path: path.to_owned() })
    }
}

fn check_path(path: &str) -> Result<(), InvalidRoute> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(InvalidRoute::NoSlash(path.to_owned()));
    };
    let mut seen = Vec::new();
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let Some(variable) = variable(segment)? else { continue };
        if variable.greedy && segments.peek().is_some() {
            return Err(InvalidRoute::GreedyNotLast(segment.to_owned()));
        }
        if seen.contains(&variable.name) {
            return Err(InvalidRoute::Twice(variable.name.to_owned()));
        }
        seen.push(variable.name);
    }
    Ok(())
}

/// A variable of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it takes the rest of the path.
    pub greedy: bool,
}

/// The variable that a segment of a route's path is, if it is one.
///
/// # Errors
/// When the segment has a brace and is no variable.
pub fn variable(segment: &str) -> Result<Option<Variable<'_>>, InvalidRoute> {
    let invalid = || InvalidRoute::Segment(segment.to_owned());
    if !segment.contains(['{', '}']) {
        return if segment.contains(['?', '#', '*']) { Err(invalid()) } else { Ok(None) };
    }
    let inner = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')).ok_or_else(invalid)?;
    let (name, greedy) = inner.strip_suffix('+').map_or((inner, false), |name| (name, true));
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
    if name.is_empty() || !name.bytes().all(known) {
        return Err(invalid());
    }
    Ok(Some(Variable { name, greedy }))
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("$default"),
            Self::Path { method, path } => write!(f, "{} {path}", method.as_deref().unwrap_or("ANY")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_keys_read_back_as_written() {
        for key in
            ["POST /users", "ANY /", "GET /pets/{id}", "ANY /{proxy+}", "GET /a/{b}/c/{d+}", "$default"]
        {
            assert_eq!(RouteKey::parse(key).map(|k| k.to_string()), Ok(key.to_owned()));
        }
    }

    #[test]
    fn bad_keys_say_what_is_wrong() {
        let check = |key: &str, expect: InvalidRoute| assert_eq!(RouteKey::parse(key), Err(expect));
        check("", InvalidRoute::Shape);
        check("/users", InvalidRoute::Shape);
        check("POST /users extra", InvalidRoute::Shape);
        check("post /users", InvalidRoute::Method("post".into()));
        check("POST users", InvalidRoute::NoSlash("users".into()));
        check("GET /a{b}", InvalidRoute::Segment("a{b}".into()));
        check("GET /{}", InvalidRoute::Segment("{}".into()));
        check("GET /a?b=c", InvalidRoute::Segment("a?b=c".into()));
        check("GET /{rest+}/x", InvalidRoute::GreedyNotLast("{rest+}".into()));
        check("GET /{a}/{a}", InvalidRoute::Twice("a".into()));
    }
}
