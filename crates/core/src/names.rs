//! The names of queues, topics and buses, checked once and for all.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no {what} name: use {rule}")]
pub struct InvalidName {
    /// The text.
    pub name: String,
    what: &'static str,
    rule: &'static str,
}

/// A kind of name: what it may consist of.
struct Rule {
    what: &'static str,
    words: &'static str,
    max: usize,
    extra: &'static [u8],
    fifo: bool,
}

impl Rule {
    fn check(&self, text: &str) -> Result<Arc<str>, InvalidName> {
        let stem = if self.fifo { text.strip_suffix(FIFO).unwrap_or(text) } else { text };
        let known = |b: u8| b.is_ascii_alphanumeric() || self.extra.contains(&b);
        if stem.is_empty() || text.len() > self.max || !stem.bytes().all(known) {
            return Err(InvalidName { name: text.to_owned(), what: self.what, rule: self.words });
        }
        Ok(text.into())
    }
}

/// What the name of every queue and topic ends in that keeps order.
pub const FIFO: &str = ".fifo";

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// When the text is empty, too long, or has characters that the name may not have.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                const RULE: Rule = $rule;
                RULE.check(text).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the name is one of something that keeps order.
            pub fn is_fifo(&self) -> bool {
                self.0.ends_with(FIFO)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A queue's name: 1 to 80 letters, digits, `-` and `_`; one that keeps order ends in `.fifo` (SQS CreateQueue).
    QueueName,
    Rule {
        what: "queue",
        words: "1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order",
        max: 80,
        extra: b"-_",
        fifo: true
    }
);

name!(
    /// A topic's name: 1 to 256 letters, digits, `-` and `_`; one that keeps order ends in `.fifo` (SNS CreateTopic).
    TopicName,
    Rule {
        what: "topic",
        words: "1 to 256 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order",
        max: 256,
        extra: b"-_",
        fifo: true
    }
);

name!(
    /// A bus's name: 1 to 256 letters, digits, `.`, `-`, `_` and `/` (EventBridge CreateEventBus).
    BusName,
    Rule {
        what: "bus",
        words: "1 to 256 letters, digits, `.`, `-`, `_` and `/`",
        max: 256,
        extra: b".-_/",
        fifo: false
    }
);

name!(
    /// A rule's name: 1 to 64 letters, digits, `.`, `-` and `_` (EventBridge PutRule).
    RuleName,
    Rule { what: "rule", words: "1 to 64 letters, digits, `.`, `-` and `_`", max: 64, extra: b".-_", fifo: false }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "orders", "orders-dead_1", "orders.fifo", &"x".repeat(80)] {
            assert!(QueueName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".fifo", "a.b", "a b", "ü", "a.fifo.fifo", &"x".repeat(81)] {
            assert!(QueueName::parse(bad).is_err(), "{bad}");
        }
        assert!(TopicName::parse(&"t".repeat(256)).is_ok());
        assert!(BusName::parse("shop.events/v1").is_ok());
        assert!(BusName::parse("a b").is_err());
        assert!(RuleName::parse(&"r".repeat(65)).is_err());
        assert!(
            QueueName::parse("a.fifo").unwrap().is_fifo() && !QueueName::parse("fifo").unwrap().is_fifo()
        );
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let error = QueueName::parse("a b").unwrap_err().to_string();
        assert!(error.starts_with("`a b` is no queue name: use 1 to 80 letters"), "{error}");
    }
}
