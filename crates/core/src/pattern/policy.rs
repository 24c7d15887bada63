//! Filter policies: which messages of a topic a subscription takes (semantics.md 5.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::{Pattern, read};
use crate::limits::{FILTER_POLICY_COMBINATIONS_MAX, FILTER_POLICY_KEYS_MAX, FILTER_POLICY_MAX};

/// The filter policy of a subscription, ready to match.
#[derive(Clone, Debug)]
pub struct FilterPolicy {
    /// `{}` has none and takes every message.
    pattern: Option<Pattern>,
    scope: Scope,
}

/// What a filter policy looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The attributes of the message.
    #[default]
    MessageAttributes,
    /// Its body, when that is a JSON object.
    MessageBody,
}

/// An attribute of a message, as filter policies see it.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub kind: Kind,
    /// Its value as it was published.
    pub value: &'a str,
}

/// The type of an attribute (SNS message attributes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `String`.
    String,
    /// `String.Array`: a JSON array of strings, numbers, booleans and null.
    StringArray,
    /// `Number`.
    Number,
    /// `Binary`. Filter policies do not see it.
    Binary,
}

/// Why a filter policy is refused, in AWS's words. What AWS says before, `Invalid parameter: ` and sometimes
/// `Attributes Reason: `, is the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is too long.
    #[error("FilterPolicy: Filter policy is longer than {FILTER_POLICY_MAX} bytes")]
    TooLong,
    /// Too many top-level keys.
    #[error("FilterPolicy: Filter policy can not have more than {FILTER_POLICY_KEYS_MAX} keys")]
    TooManyKeys,
    /// Too many combinations of values.
    #[error("FilterPolicy: Filter policy is too complex")]
    TooComplex,
    /// Attributes have no fields.
    #[error("Filter policy scope MessageAttributes does not support nested filter policy")]
    Nested,
    /// A key or a value is wrong. The error inside says where, and what to write instead.
    #[error("FilterPolicy: {}", .0.reason())]
    Pattern(#[from] super::Error),
}

impl FilterPolicy {
    /// Reads a filter policy. It may use every operator of event patterns.
    ///
    /// # Errors
    /// What is wrong, in AWS's words.
    pub fn parse(text: &str, scope: Scope) -> Result<Self, Error> {
        if text.len() > FILTER_POLICY_MAX {
            return Err(Error::TooLong);
        }
        let policy = read::object(text)?;
        if policy.len() > FILTER_POLICY_KEYS_MAX {
            return Err(Error::TooManyKeys);
        }
        if scope == Scope::MessageAttributes && nested(&policy) {
            return Err(Error::Nested);
        }
        if combinations(&policy, 1, 1) > FILTER_POLICY_COMBINATIONS_MAX {
            return Err(Error::TooComplex);
        }
        let pattern = if policy.is_empty() { None } else { Some(Pattern::of(&policy)?) };
        Ok(Self { pattern, scope })
    }

    /// Whether the subscription takes a message. In body scope a body that is no JSON object is never taken.
    pub fn matches(&self, attributes: &[Attribute<'_>], body: &str) -> bool {
        let Some(pattern) = &self.pattern else { return true };
        match self.scope {
            Scope::MessageAttributes => pattern.matches(&Value::Object(seen(attributes))),
            Scope::MessageBody => serde_json::from_str(body).is_ok_and(|body| pattern.matches(&body)),
        }
    }
}

/// Whether a field of the policy has fields of its own.
fn nested(policy: &Map<String, Value>) -> bool {
    policy.iter().any(|(key, value)| match read::branches(key, value) {
        Some(branches) => branches.into_iter().any(nested),
        None => value.is_object(),
    })
}

/// How many combinations of values a policy has: the numbers of values of all fields multiplied, each also by its
/// level; the branches of an `$or` are added up (SNS, filter policy constraints).
fn combinations(policy: &Map<String, Value>, level: u64, others: u64) -> u64 {
    policy.iter().fold(others, |others, (key, value)| match (read::branches(key, value), value) {
        (Some(branches), _) => branches
            .into_iter()
            .fold(0, |sum: u64, branch| sum.saturating_add(combinations(branch, level, others))),
        (None, Value::Object(fields)) => combinations(fields, level + 1, others),
        (None, Value::Array(values)) => others.saturating_mul(values.len() as u64).saturating_mul(level),
        (None, _) => others,
    })
}

/// Attributes as the object that a policy is matched with.
fn seen(attributes: &[Attribute<'_>]) -> Map<String, Value> {
    let shown = attributes.iter().filter(|attribute| attribute.kind != Kind::Binary);
    shown.map(|attribute| (attribute.name.to_owned(), attribute.seen())).collect()
}

impl Attribute<'_> {
    /// The value that conditions are asked about. One that is not what its type says is a string.
    fn seen(&self) -> Value {
        let text = || Value::String(self.value.to_owned());
        match self.kind {
            Kind::String | Kind::Binary => text(),
            Kind::Number => number(self.value).map_or_else(text, Value::Number),
            Kind::StringArray => match serde_json::from_str(self.value) {
                Ok(Value::Array(mut values)) => {
                    values.retain(|value| !value.is_object() && !value.is_array());
                    Value::Array(values)
                }
                _ => text(),
            },
        }
    }
}

/// The number that a text is, also when JSON would write it another way.
fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    serde_json::from_str(text).ok().or_else(|| text.parse().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use super::{Attribute, FilterPolicy, Kind, Scope};

    const ORDER: &[Attribute<'_>] = &[
        Attribute { name: "kind", kind: Kind::String, value: "order" },
        Attribute { name: "price", kind: Kind::Number, value: "210.50" },
        Attribute { name: "count", kind: Kind::Number, value: "+3" },
        Attribute { name: "tags", kind: Kind::StringArray, value: r#"["new", 7, true, null, ["deep"]]"# },
        Attribute { name: "photo", kind: Kind::Binary, value: "AAAA" },
        Attribute { name: "a.b", kind: Kind::String, value: "dotted" },
        Attribute { name: "torn", kind: Kind::StringArray, value: "[\"new" },
    ];

    #[test]
    fn attributes_are_matched_by_their_type() {
        let check = |policy: &str, expect: bool| {
            let policy_read = FilterPolicy::parse(policy, Scope::MessageAttributes).expect(policy);
            assert_eq!(policy_read.matches(ORDER, "{}"), expect, "{policy}");
        };
        check("{}", true);
        check(r#"{"kind": ["order"]}"#, true);
        check(r#"{"kind": ["Order"]}"#, false);
        check(r#"{"kind": ["order"], "missing": ["x"]}"#, false);
        check(r#"{"kind": [{"anything-but": "refund"}]}"#, true);
        check(r#"{"missing": [{"anything-but": "refund"}]}"#, false);
        check(r#"{"price": [210.5]}"#, true);
        check(r#"{"price": ["210.50"]}"#, false);
        check(r#"{"price": [{"numeric": [">", 200, "<=", 300]}]}"#, true);
        check(r#"{"count": [3]}"#, true);
        check(r#"{"tags": ["new"]}"#, true);
        check(r#"{"tags": [7]}"#, true);
        check(r#"{"tags": [true]}"#, true);
        check(r#"{"tags": [null]}"#, true);
        check(r#"{"tags": ["deep"]}"#, false);
        check(r#"{"tags": [{"prefix": "n"}]}"#, true);
        check(r#"{"torn": ["[\"new"]}"#, true);
        check(r#"{"photo": [{"exists": true}]}"#, false);
        check(r#"{"photo": [{"exists": false}]}"#, true);
        check(r#"{"a.b": ["dotted"]}"#, true);
        check(r#"{"$or": [{"kind": ["refund"]}, {"price": [{"numeric": ["<", 300]}]}]}"#, true);
        check(r#"{"$or": [{"kind": ["refund"]}, {"missing": ["x"]}]}"#, false);
    }

    #[test]
    fn bodies_are_matched_when_they_are_objects() {
        let check = |policy: &str, body: &str, expect: bool| {
            let policy_read = FilterPolicy::parse(policy, Scope::MessageBody).expect(policy);
            assert_eq!(policy_read.matches(ORDER, body), expect, "{policy} {body}");
        };
        check("{}", "no JSON", true);
        check(r#"{"a": [{"exists": false}]}"#, "no JSON", false);
        check(r#"{"a": [{"exists": false}]}"#, r#""text""#, false);
        check(r#"{"a": [{"exists": false}]}"#, r#"[{"b": 1}]"#, false);
        check(r#"{"a": [{"exists": false}]}"#, r#"{"b": 1}"#, true);
        check(r#"{"kind": ["order"]}"#, r#"{}"#, false);
        check(r#"{"a.b": [1]}"#, r#"{"a.b": 1}"#, true);
        check(r#"{"a.b": [1]}"#, r#"{"a": {"b": 1}}"#, true);
        check(r#"{"a": {"b": [1]}}"#, r#"{"a.b": 1}"#, true);
        check(r#"{"a.b": [1]}"#, r#"{"a": {"c": 1}}"#, false);
        check(r#"{"a.b": [1]}"#, r#"{"a.b": {"c": 1}}"#, false);
        check(r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a.b": 1, "a": {"c": 2}}"#, true);
        check(r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [{"b": 1}, {"c": 2}]}"#, false);
        check(r#"{"a.b.c": ["x"]}"#, r#"{"a.b": [{"c": "y"}, {"c": "x"}]}"#, true);
        check(r#"{"a.b": [{"exists": false}]}"#, r#"{"a.b": 1}"#, false);
        check(r#"{"a.b": [{"exists": false}]}"#, r#"{"a.bc": 1}"#, true);
        check(&deep("[1]", 3), &deep("1", 3), true);
        check(&deep("[1]", 3), &deep("1", 5000), false);
    }

    fn deep(inside: &str, levels: usize) -> String {
        format!("{}{inside}{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn refusals_speak_as_aws_does() {
        let check = |policy: &str, scope: Scope, expect: &str| match FilterPolicy::parse(policy, scope) {
            Ok(_) => panic!("{policy} is accepted"),
            Err(error) => assert_eq!(error.to_string(), expect, "{policy}"),
        };
        let (attributes, body) = (Scope::MessageAttributes, Scope::MessageBody);
        let six = r#"{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}"#;
        check(six, attributes, "FilterPolicy: Filter policy can not have more than 5 keys");
        check(six, body, "FilterPolicy: Filter policy can not have more than 5 keys");
        check(r#"{"a":[]}"#, attributes, "FilterPolicy: Empty arrays are not allowed");
        check(r#"{"a":{}}"#, body, "FilterPolicy: Empty objects are not allowed");
        check(r#"{"a":1}"#, attributes, "FilterPolicy: \"a\" must be an object or an array");
        let nested = "Filter policy scope MessageAttributes does not support nested filter policy";
        check(r#"{"a":{"b":[1]}}"#, attributes, nested);
        check(r#"{"$or":[{"a":[1]},{"a":{"b":[1]}}]}"#, attributes, nested);
        check(r#"{"a":[{"foo":"x"}]}"#, attributes, "FilterPolicy: Unrecognized match type foo");
        check(r#"{"a":[{"prefix":1}]}"#, attributes, "FilterPolicy: prefix match pattern must be a string");
        check("[]", attributes, "FilterPolicy: Filter is not an object");
        let long = format!(r#"{{"a":["{}"]}}"#, "x".repeat(256 * 1024));
        check(&long, body, "FilterPolicy: Filter policy is longer than 262144 bytes");
        let wide: String = (0..1500).map(|key| format!(r#","{key}":[{{"exists":true}}]"#)).collect();
        let wide = format!(r#"{{"$or":[{{"a":[1]{wide}}},{{"b":[1]{wide}}},{{"c":[1]{wide}}}]}}"#);
        let many = "FilterPolicy: Rule is too complex - it comes to more than 4096 fields";
        check(&wide, body, many);
    }

    #[test]
    fn combinations_are_counted_as_sns_does() {
        let check = |policy: &str, expect: bool| {
            let read = FilterPolicy::parse(policy, Scope::MessageBody);
            assert_eq!(read.is_ok(), expect, "{policy} {read:?}");
        };
        let values = |count: usize| (0..count).map(|value| value.to_string()).collect::<Vec<_>>().join(",");
        check(&format!(r#"{{"a":[{}]}}"#, values(150)), true);
        check(&format!(r#"{{"a":[{}]}}"#, values(151)), false);
        check(&format!(r#"{{"a":[{}],"b":[{}]}}"#, values(15), values(10)), true);
        check(&format!(r#"{{"a":[{}],"b":[{}]}}"#, values(16), values(10)), false);
        // 3 levels x 4 values x 2 levels x 3 values = 72, the example of AWS's guide.
        check(r#"{"a":{"b":{"c":[1,2,3,4]}},"d":{"e":[1,2,3]}}"#, true);
        check(r#"{"a":{"b":{"c":[1,2,3,4]}},"d":{"e":[1,2,3]},"f":[1,2,3]}"#, false);
        check(&format!(r#"{{"$or":[{{"a":[{}]}},{{"b":[{}]}}]}}"#, values(75), values(75)), true);
        check(&format!(r#"{{"$or":[{{"a":[{}]}},{{"b":[{}]}}]}}"#, values(75), values(76)), false);
    }
}
