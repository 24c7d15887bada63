//! Conditions on one value of an event.

use serde_json::{Number, Value};

use super::cidr::Network;
use super::numeric::Range;
use super::wildcard::Wildcard;

/// One entry of a field's list (the table of operators in semantics.md 4.6).
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// This number, however it is written.
    Number(Number),
    /// A string that passes.
    Text(Text),
    /// Anything but strings that pass one of these.
    NoText(Vec<Text>),
    /// Anything but these numbers.
    NoNumber(Vec<Number>),
    /// A number in a range.
    Numeric(Range),
    /// A string that is an address in a network.
    Cidr(Network),
    /// Whether there is a value: one that is no object.
    Exists(bool),
}

/// A test of a string. Where case is ignored, the text is folded already.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// The string itself.
    Is(Box<str>),
    /// Its beginning.
    Prefix(Box<str>),
    /// Its end.
    Suffix(Box<str>),
    /// The string in any case.
    IsFolded(Box<str>),
    /// Its beginning in any case.
    PrefixFolded(Box<str>),
    /// Its end in any case.
    SuffixFolded(Box<str>),
    /// Its shape.
    Wildcard(Wildcard),
}

impl Condition {
    /// Whether the condition holds for a value that is neither object nor array.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Bool(wanted) => value.as_bool() == Some(*wanted),
            Self::Number(wanted) => value.as_number().is_some_and(|number| same(number, wanted)),
            Self::Text(text) => value.as_str().is_some_and(|value| text.holds(value)),
            Self::NoText(texts) => {
                !value.as_str().is_some_and(|value| texts.iter().any(|text| text.holds(value)))
            }
            Self::NoNumber(numbers) => {
                !value.as_number().is_some_and(|number| numbers.iter().any(|wrong| same(number, wrong)))
            }
            Self::Numeric(range) => value.as_f64().is_some_and(|number| range.contains(number)),
            Self::Cidr(network) => value.as_str().is_some_and(|address| network.contains(address)),
            Self::Exists(wanted) => *wanted,
        }
    }

    /// Whether the condition holds where there is no value.
    pub(super) fn holds_without(&self) -> bool {
        matches!(self, Self::Exists(false))
    }
}

impl Text {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(text) => value == &**text,
            Self::Prefix(text) => value.starts_with(&**text),
            Self::Suffix(text) => value.ends_with(&**text),
            Self::IsFolded(text) => folded(value).eq(text.chars()),
            Self::PrefixFolded(text) => {
                let mut value = folded(value);
                text.chars().all(|wanted| value.next() == Some(wanted))
            }
            Self::SuffixFolded(text) => fold(value).ends_with(&**text),
            Self::Wildcard(wildcard) => wildcard.matches(value),
        }
    }
}

/// The text in small letters.
pub(super) fn fold(text: &str) -> Box<str> {
    folded(text).collect()
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Whether two numbers are the same: 300, 300.0 and 3.0e2 are, as AWS answers, whatever its guide says
/// (the vector `number_comparison_float`).
fn same(left: &Number, right: &Number) -> bool {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => left == right,
        _ => left.as_f64() == right.as_f64(),
    }
}
