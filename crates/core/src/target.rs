//! Where an event can be sent.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BusName, FunctionName, QueueName, TopicName};

/// Where an event can be sent. A closed set: whoever sends matches them all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// A function, which is invoked asynchronously.
    Function(FunctionName),
    /// A queue.
    Queue(QueueName),
    /// A topic.
    Topic(TopicName),
    /// A bus.
    Bus(BusName),
    /// An `http` or `https` address, which gets a POST.
    Http(String),
}

/// Why a text names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// It has none of the known beginnings.
    #[error(
        "`{0}` names no target: write function:NAME, queue:NAME, topic:NAME, bus:NAME or an http(s) address"
    )]
    Unknown(String),
    /// What follows is no name.
    #[error("{0}")]
    Name(String),
    /// It is no address.
    #[error("`{0}` is no address: write it as in https://example.com/hook, without spaces and a fragment")]
    Address(String),
}

impl Target {
    /// Reads `function:NAME`, `queue:NAME`, `topic:NAME`, `bus:NAME` or an address.
    ///
    /// # Errors
    /// When the text is none of them.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        fn name<T, E: fmt::Display>(
            read: Result<T, E>,
            make: fn(T) -> Target,
        ) -> Result<Target, InvalidTarget> {
            read.map(make).map_err(|error| InvalidTarget::Name(error.to_string()))
        }
        match text.split_once(':') {
            Some(("function", rest)) => name(FunctionName::parse(rest), Self::Function),
            Some(("queue", rest)) => name(QueueName::parse(rest), Self::Queue),
            Some(("topic", rest)) => name(TopicName::parse(rest), Self::Topic),
            Some(("bus", rest)) => name(BusName::parse(rest), Self::Bus),
            Some(("http" | "https", rest)) if is_address(rest) => Ok(Self::Http(text.to_owned())),
            Some(("http" | "https", _)) => Err(InvalidTarget::Address(text.to_owned())),
            _ => Err(InvalidTarget::Unknown(text.to_owned())),
        }
    }
}

/// What follows `http:` in an address that a request can be made of.
fn is_address(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix("//") else { return false };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let visible = |b: u8| b.is_ascii_graphic() && b != b'#';
    !host.is_empty() && !host.contains('@') && rest.bytes().all(visible)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(name) => write!(f, "function:{name}"),
            Self::Queue(name) => write!(f, "queue:{name}"),
            Self::Topic(name) => write!(f, "topic:{name}"),
            Self::Bus(name) => write!(f, "bus:{name}"),
            Self::Http(address) => f.write_str(address),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = InvalidTarget;

    fn try_from(text: String) -> Result<Self, InvalidTarget> {
        Self::parse(&text)
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written() {
        for text in [
            "function:f",
            "queue:orders.fifo",
            "topic:t",
            "bus:b",
            "http://127.0.0.1:9000/hook?a=b",
            "https://a",
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_told() {
        let check = |text: &str, expect: &str| {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("orders", "write function:NAME, queue:NAME");
        check("queue:a b", "is no queue name");
        check("http:/x", "is no address");
        check("https://user:pass@host/", "is no address");
        check("https://host/a b", "is no address");
        check("ftp://host/", "names no target");
    }
}
