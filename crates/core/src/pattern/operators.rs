//! Reads what may stand in the list of a field: plain values and operators (semantics.md 4.6).

use serde_json::{Map, Number, Value};

use super::cidr::Network;
use super::condition::{Condition, Text, fold};
use super::error::{Error, Reason};
use super::numeric::Range;
use super::wildcard::Wildcard;

/// The condition that an entry of a list is.
pub(super) fn condition(value: &Value) -> Result<Condition, Error> {
    Ok(match value {
        Value::Null => Condition::Null,
        Value::Bool(value) => Condition::Bool(*value),
        Value::Number(number) => Condition::Number(number.clone()),
        Value::String(text) => Condition::Text(Text::Is(text.as_str().into())),
        Value::Array(_) => return Err(Reason::Nested.into()),
        Value::Object(object) => {
            let (name, value) = only(object)?;
            return operator(name, value).map_err(|error| error.under(name));
        }
    })
}

/// The one operator of an object.
fn only(object: &Map<String, Value>) -> Result<(&str, &Value), Reason> {
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (None, _) => Err(Reason::NoOperator),
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(Reason::TwoOperators),
    }
}

fn operator(name: &str, value: &Value) -> Result<Condition, Error> {
    Ok(match name {
        "prefix" => Condition::Text(affix("prefix", value, Text::Prefix, Text::PrefixFolded)?),
        "suffix" => Condition::Text(affix("suffix", value, Text::Suffix, Text::SuffixFolded)?),
        "equals-ignore-case" => Condition::Text(Text::IsFolded(fold(string("equals-ignore-case", value)?))),
        "wildcard" => Condition::Text(wildcard(value)?),
        "anything-but" => anything_but(value)?,
        "numeric" => Condition::Numeric(Range::read(value).map_err(Reason::Numeric)?),
        // AWS's message for a `cidr` that is no string says `prefix`.
        "cidr" => Condition::Cidr(Network::parse(string("prefix", value)?).map_err(Reason::Cidr)?),
        "exists" => Condition::Exists(value.as_bool().ok_or(Reason::NotBool)?),
        other => return Err(Reason::Unknown(other.to_owned()).into()),
    })
}

fn string<'a>(operator: &'static str, value: &'a Value) -> Result<&'a str, Reason> {
    value.as_str().ok_or(Reason::NotString(operator))
}

/// `prefix` and `suffix`: a string, or one whose case is ignored.
fn affix(
    name: &'static str,
    value: &Value,
    plain: impl Fn(Box<str>) -> Text,
    folded: impl Fn(Box<str>) -> Text,
) -> Result<Text, Reason> {
    match value {
        Value::Object(object) => match only(object)? {
            ("equals-ignore-case", value) => Ok(folded(fold(string("equals-ignore-case", value)?))),
            (inside, _) => Err(Reason::Unsupported { outside: name, inside: inside.to_owned() }),
        },
        _ => Ok(plain(string(name, value)?.into())),
    }
}

fn wildcard(value: &Value) -> Result<Text, Reason> {
    Wildcard::parse(string("wildcard", value)?).map(Text::Wildcard)
}

/// What is not wanted: a value, a list of values of one kind, or an operator with a string or a list of strings.
fn anything_but(value: &Value) -> Result<Condition, Error> {
    let Value::Object(object) = value else { return Ok(anything_but_values(value)?) };
    let (name, value) = only(object)?;
    let texts = match name {
        "prefix" => each(value, |value| Ok(Text::Prefix(some("prefix", value)?.into()))),
        "suffix" => each(value, |value| Ok(Text::Suffix(some("suffix", value)?.into()))),
        "equals-ignore-case" => {
            each(value, |value| Ok(Text::IsFolded(fold(string("equals-ignore-case", value)?))))
        }
        "wildcard" => each(value, wildcard),
        other => return Err(Reason::Unsupported { outside: "anything-but", inside: other.to_owned() }.into()),
    };
    texts.map(Condition::NoText).map_err(|error| error.under(name))
}

fn anything_but_values(value: &Value) -> Result<Condition, Reason> {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        Value::String(_) | Value::Number(_) => std::slice::from_ref(value),
        _ => return Err(Reason::AnythingBut),
    };
    if values.is_empty() {
        return Err(Reason::EmptyArray);
    }
    let texts: Option<Vec<Text>> =
        values.iter().map(|value| value.as_str().map(|text| Text::Is(text.into()))).collect();
    let numbers: Option<Vec<Number>> = values.iter().map(|value| value.as_number().cloned()).collect();
    match (texts, numbers) {
        (Some(texts), _) => Ok(Condition::NoText(texts)),
        (None, Some(numbers)) => Ok(Condition::NoNumber(numbers)),
        (None, None) => Err(Reason::Mixed),
    }
}

/// A string that is not empty: no value is anything but what begins with nothing.
fn some<'a>(operator: &'static str, value: &'a Value) -> Result<&'a str, Reason> {
    match string(operator, value)? {
        "" => Err(Reason::EmptyAffix),
        text => Ok(text),
    }
}

/// What a value is, or each of a list.
fn each(value: &Value, read: impl Fn(&Value) -> Result<Text, Reason>) -> Result<Vec<Text>, Error> {
    match value {
        Value::Array(values) if values.is_empty() => Err(Reason::EmptyArray.into()),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(at, value)| read(value).map_err(|reason| Error::from(reason).under(&format!("[{at}]"))))
            .collect(),
        one => Ok(vec![read(one)?]),
    }
}
