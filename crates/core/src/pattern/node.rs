//! The tree that a pattern is compiled into.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use super::condition::Condition;

/// What a pattern wants at one place of an event: everything in here.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Of the value itself: of each list, one condition holds.
    pub(super) values: Vec<Arc<[Condition]>>,
    /// Of the fields of an object.
    pub(super) fields: BTreeMap<Box<str>, Node>,
    /// `$or`: of each list, one branch holds for the same object.
    pub(super) choices: Vec<Vec<Node>>,
}

impl Node {
    /// Wants `child` at `key` too. A dot in the key is a step down: `{"a.b": ..}` is `{"a": {"b": ..}}`, as in
    /// EventBridge and SNS (semantics.md 5.1).
    pub(super) fn add(&mut self, key: &str, child: Self) {
        let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
        let place = self.fields.entry(first.into()).or_default();
        match rest {
            Some(rest) => place.add(rest, child),
            None => place.merge(child),
        }
    }

    /// Wants what `other` wants too.
    pub(super) fn merge(&mut self, other: Self) {
        self.values.extend(other.values);
        self.choices.extend(other.choices);
        for (key, child) in other.fields {
            self.fields.entry(key).or_default().merge(child);
        }
    }

    /// Wants `child` at `key` too, a key without steps.
    pub(super) fn add_field(&mut self, key: Box<str>, child: Self) {
        self.fields.entry(key).or_default().merge(child);
    }

    /// How many nodes there are, from here down.
    pub(super) fn size(&self) -> usize {
        let branches = self.choices.iter().flatten();
        1 + self.fields.values().chain(branches).map(Self::size).sum::<usize>()
    }

    /// Takes the fields whose keys are wanted.
    pub(super) fn take_fields(&mut self, wanted: impl Fn(&str) -> bool) -> BTreeMap<Box<str>, Self> {
        let (taken, kept) = mem::take(&mut self.fields).into_iter().partition(|(key, _)| wanted(key));
        self.fields = kept;
        taken
    }
}
