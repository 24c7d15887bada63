//! The tables that a manifest is read by: a section has keys, a key knows its name, its form and its reader.

use std::fmt;
use std::time::Duration;

use crate::fault::{Fault, Faults, Read};
use crate::later::Later;
use crate::node::Node;
use crate::quantity::{self, Bounds};
use crate::suggest::nearest;

/// A kind of table in the manifest. `D` is what its keys fill in.
#[derive(Debug)]
pub(crate) struct Section<D: 'static> {
    /// As problems and headings call it.
    pub(crate) title: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// The keys that it may have.
    pub(crate) keys: &'static [Key<D>],
    /// The keys that it will have in a later release.
    pub(crate) later: &'static [Later],
}

/// A key: one entry is all that a key needs.
#[derive(Debug)]
pub(crate) struct Key<D> {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) need: Need,
    /// A value, as the manifest writes it.
    pub(crate) example: &'static str,
    /// What it does, for people.
    pub(crate) about: &'static str,
    /// Reads the value into the draft.
    pub(crate) read: fn(&mut D, &Node<'_>) -> Read<()>,
}

/// What a value looks like.
#[derive(Debug)]
pub(crate) enum Form {
    /// In words.
    Words(&'static str),
    /// A time with its unit.
    Duration(Bounds<Duration>),
    /// Memory with its unit.
    Size(Bounds<u32>),
    /// Data with its unit.
    Bytes(Bounds<usize>),
    /// A whole number.
    Whole(Bounds<u32>),
    /// True or false, and which of them without the key.
    Truth(bool),
}

/// What happens without the key.
#[derive(Debug)]
pub(crate) enum Need {
    /// The manifest is refused.
    Required,
    /// In words.
    Without(&'static str),
    /// The bounds' default.
    Default,
}

impl<D> Section<D> {
    /// Reads every entry of a table into `draft`, and says everything that is wrong with it.
    pub(crate) fn read(&self, node: &Node<'_>, draft: &mut D) -> Read<()> {
        let mut faults = Faults::default();
        for entry in node.entries("a table")? {
            match self.keys.iter().find(|key| key.name == entry.name) {
                Some(key) => _ = faults.keep((key.read)(draft, &entry)),
                None => faults.push(self.refuse(&entry)),
            }
        }
        for key in self.keys {
            if matches!(key.need, Need::Required) && node.get(key.name).is_none() {
                faults.push(key.missing(node));
            }
        }
        faults.or(())
    }

    fn refuse(&self, entry: &Node<'_>) -> Fault {
        if let Some(later) = self.later.iter().find(|later| later.name == entry.name) {
            return later.refuse(&entry.spot);
        }
        let names = self.keys.iter().map(|key| key.name);
        let fault = entry.spot.key_fault("unknown key");
        if let Some(name) = nearest(entry.name, names.clone()) {
            return fault.suggest(format!("did you mean `{name}`?"));
        }
        if let Some(name) = nearest(entry.name, self.later.iter().map(|later| later.name)) {
            return fault.suggest(format!("`{name}` is not supported in this release"));
        }
        let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        fault.suggest(format!("{} has {names}", self.title))
    }
}

impl<D> Key<D> {
    /// The fault that `node` lacks this key.
    pub(crate) fn missing(&self, node: &Node<'_>) -> Fault {
        let fault = node.spot.key_fault(format!("`{}` is missing", self.name));
        fault.suggest(format!("write {} = {}", self.name, self.example))
    }
}

/// Puts what was read into its slot of a draft.
pub(crate) fn set<T>(slot: &mut Option<T>, read: Read<T>) -> Read<()> {
    *slot = Some(read?);
    Ok(())
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Duration(b) => {
                let (least, most) = (quantity::time(b.least), quantity::time(b.most));
                write!(f, "duration, `\"{least}\"` to `\"{most}\"`")
            }
            Self::Size(b) => {
                let (least, most) = (quantity::mib(b.least), quantity::mib(b.most));
                write!(f, "size, `\"{least}\"` to `\"{most}\"`")
            }
            Self::Bytes(b) => {
                let (least, most) = (quantity::data(b.least), quantity::data(b.most));
                write!(f, "size, `\"{least}\"` to `\"{most}\"`")
            }
            Self::Whole(b) => write!(f, "whole number, `{}` to `{}`", b.least, b.most),
            Self::Truth(_) => f.write_str("`true` or `false`"),
        }
    }
}
