//! A value of the manifest together with its key and its place.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::fault::{Fault, Read};
use crate::suggest::quote;

/// Where something stands: its key's path, and the offsets of key and value.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) path: String,
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl Spot {
    /// The value is wrong.
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        self.fault_at(self.value.clone(), message.into())
    }

    /// The key is wrong, or something that should stand beside it.
    pub(crate) fn key_fault(&self, message: impl Into<String>) -> Fault {
        self.fault_at(self.key.clone(), message.into())
    }

    fn fault_at(&self, span: Range<usize>, message: String) -> Fault {
        Fault { path: self.path.clone(), span: Some(span), message, suggestion: None }
    }
}

/// A value with its name and place.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    pub(crate) spot: Spot,
    pub(crate) value: &'a DeValue<'a>,
}

impl<'a> Node<'a> {
    /// The whole manifest.
    pub(crate) fn root(value: &'a DeValue<'a>) -> Self {
        Self { name: "", spot: Spot { path: String::new(), key: 0..0, value: 0..0 }, value }
    }

    /// A text. `what` says what is wanted, as in `a folder`.
    pub(crate) fn text(&self, what: &str) -> Read<&'a str> {
        let DeValue::String(text) = self.value else { return Err(self.wrong_form(what).into()) };
        // The operating system ends a text there, so what comes after it would be lost.
        if text.contains('\0') {
            return Err(self.spot.fault("must not hold the character U+0000").into());
        }
        Ok(text)
    }

    /// The elements of an array, each under the array's name.
    pub(crate) fn items(&self, what: &str) -> Read<impl Iterator<Item = Node<'a>> + use<'a>> {
        let DeValue::Array(array) = self.value else { return Err(self.wrong_form(what).into()) };
        let (name, path) = (self.name, self.spot.path.clone());
        Ok(array.iter().map(move |item| Node {
            name,
            spot: Spot { path: path.clone(), key: item.span(), value: item.span() },
            value: item.get_ref(),
        }))
    }

    /// The entries of a table.
    pub(crate) fn entries(&self, what: &str) -> Read<impl Iterator<Item = Node<'a>> + use<'a>> {
        let DeValue::Table(table) = self.value else { return Err(self.wrong_form(what).into()) };
        let path = self.spot.path.clone();
        Ok(table.iter().map(move |(key, value)| Node {
            name: key.get_ref(),
            spot: Spot { path: join(&path, key.get_ref()), key: key.span(), value: value.span() },
            value: value.get_ref(),
        }))
    }

    /// The entry of this name, where this is a table that has one.
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        let table: &DeTable<'a> = self.value.as_table()?;
        let (key, value) = table.get_key_value(name)?;
        Some(Node {
            name: key.get_ref(),
            spot: Spot { path: join(&self.spot.path, name), key: key.span(), value: value.span() },
            value: value.get_ref(),
        })
    }

    /// The value has another form than `what`.
    pub(crate) fn wrong_form(&self, what: &str) -> Fault {
        let article = if matches!(self.value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
        self.spot.fault(format!("must be {what}, but is {article} {}", self.value.type_str()))
    }
}

/// The path of a key below another, quoted where TOML wants it quoted.
pub(crate) fn join(path: &str, name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let plain = !name.is_empty() && name.len() <= 64 && name.bytes().all(bare);
    let name = if plain { name.to_owned() } else { quote(name) };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}
