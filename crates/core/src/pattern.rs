//! Event patterns: which events a rule, a source or a subscription takes (semantics.md 4.6).
//!
//! A pattern is read into a tree of the paths that it names (`read`, `operators`). Matching walks this tree and the
//! event side by side (`matching`): each field of the pattern looks at each value of the event at most once, so the
//! work is bounded by the product of their sizes, whatever arrays and `$or` they are made of.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::limits::PATTERN_MAX;

mod cidr;
mod condition;
mod error;
mod factor;
mod matching;
mod node;
mod numeric;
mod operators;
pub mod policy;
mod read;
#[cfg(test)]
mod tests;
mod wildcard;

pub use error::{Error, Reason};
use node::Node;

/// An event pattern, ready to match. Clones share it.
#[derive(Clone, Debug)]
pub struct Pattern {
    root: Arc<Node>,
}

impl Pattern {
    /// Reads a pattern with all operators of EventBridge (semantics.md 4.6). Of a key that stands twice in one
    /// object, the last counts.
    ///
    /// # Errors
    /// Where in the pattern something is wrong, what it is, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.chars().count() > PATTERN_MAX {
            return Err(Reason::TooLong.into());
        }
        Self::of(&read::object(text)?)
    }

    /// The pattern that an object describes.
    fn of(object: &Map<String, Value>) -> Result<Self, Error> {
        let mut root = read::node(object, 0)?;
        factor::factor(&mut root)?;
        Ok(Self { root: Arc::new(root) })
    }

    /// Whether the pattern takes this event. Values of an array are alternatives; two fields inside an array of
    /// objects must be met by the same object (array-consistent matching, semantics.md 4.6). What is no object is
    /// never taken.
    pub fn matches(&self, event: &Value) -> bool {
        event.is_object() && matching::holds(&self.root, event)
    }
}
