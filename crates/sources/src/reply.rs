//! What a function says about single records of its batch (`batchItemFailures`; semantics.md 4.2).

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The field that names the records which failed.
const FAILURES: &str = "batchItemFailures";

/// The field of a failure that names the record.
const IDENTIFIER: &str = "itemIdentifier";

/// The fields of a failure that say why. They are ours: AWS has none, and does not mind them.
const KIND: &str = "errorType";
const MESSAGE: &str = "errorMessage";

/// Why a record failed, as far as the function says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) kind: Option<String>,
    pub(crate) message: Option<String>,
}

/// Which records of a batch failed and why, in the order of `ids`; `None` for one that did not.
///
/// # Errors
/// Why the reply is none, which makes the whole batch fail.
pub(crate) fn failures<'a>(
    reply: &[u8],
    ids: impl ExactSizeIterator<Item = &'a str>,
) -> Result<Vec<Option<Reason>>, String> {
    let mut failed = vec![None; ids.len()];
    let reply = reply.trim_ascii();
    if matches!(reply, b"" | b"\"\"" | b"null" | b"{}") {
        return Ok(failed);
    }
    // A map, because a struct could be written as an array too.
    let fields: HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(reply).map_err(|error| format!("it is no JSON object: {error}"))?;
    let Some(list) = fields.get(FAILURES) else {
        // Other fields do not matter, but one that is nearly right would hide what failed.
        return match fields.keys().find(|name| is_nearly(name)) {
            Some(name) => Err(format!("it has `{name}` where it should have `{FAILURES}`")),
            None => Ok(failed),
        };
    };
    let list: Option<Vec<HashMap<Cow<'_, str>, Value>>> = serde_json::from_str(list.get())
        .map_err(|error| format!("its `{FAILURES}` is no list of objects: {error}"))?;
    let list = list.unwrap_or_default();
    if list.is_empty() {
        return Ok(failed);
    }
    let mut places: HashMap<&str, Vec<usize>> = HashMap::with_capacity(ids.len());
    for (place, id) in ids.enumerate() {
        places.entry(id).or_default().push(place);
    }
    for item in &list {
        let Some(id) = item.get(IDENTIFIER).and_then(Value::as_str).filter(|id| !id.is_empty()) else {
            return Err(format!("an item of its `{FAILURES}` has no `{IDENTIFIER}` that is a text"));
        };
        let Some(places) = places.get(id) else {
            return Err(format!("it says that `{id}` failed, which is not in the batch"));
        };
        let text = |field: &str| item.get(field).and_then(Value::as_str).map(str::to_owned);
        let reason = Reason { kind: text(KIND), message: text(MESSAGE) };
        places.iter().for_each(|place| failed[*place] = Some(reason.clone()));
    }
    Ok(failed)
}

/// Whether a name is the right one but for capitals and underscores.
fn is_nearly(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    plain.eq_ignore_ascii_case(FAILURES) || plain.eq_ignore_ascii_case("batchItemFailure")
}

#[cfg(test)]
mod tests {
    use super::{Reason, failures};

    fn of(reply: &str) -> Result<Vec<bool>, String> {
        let failed = failures(reply.as_bytes(), ["a", "b", "c"].into_iter())?;
        Ok(failed.iter().map(Option::is_some).collect())
    }

    #[test]
    fn complete_success() {
        for reply in [
            "",
            " \n",
            "null",
            r#""""#,
            "{}",
            " { } ",
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
            r#"{ "batchItemFailures" : [ ] , "more" : 1 }"#,
            r#"{"statusCode":200}"#,
        ] {
            assert_eq!(of(reply), Ok(vec![false; 3]), "{reply}");
        }
    }

    #[test]
    fn some_failed() {
        let check = |reply: &str, expect: [bool; 3]| assert_eq!(of(reply), Ok(expect.to_vec()), "{reply}");
        check(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, [false, true, false]);
        check(
            r#"{"batchItemFailures":[{"itemIdentifier":"c","why":[1]},{"itemIdentifier":"a"}]}"#,
            [true, false, true],
        );
        check(
            r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"\u0062"}]}"#,
            [false, true, false],
        );
    }

    #[test]
    fn the_function_may_say_why() {
        let reply =
            br#"{"batchItemFailures":[{"itemIdentifier":"b","errorType":"KeyError","errorMessage":"'x'"},
            {"itemIdentifier":"a","errorType":1}]}"#;
        let failed = failures(reply, ["a", "b"].into_iter()).unwrap();
        let reason = Reason { kind: Some("KeyError".to_owned()), message: Some("'x'".to_owned()) };
        assert_eq!(failed, [Some(Reason::default()), Some(reason)]);
    }

    #[test]
    fn a_malformed_reply_fails_the_whole_batch() {
        for reply in [
            // No JSON.
            "{",
            "oops",
            "{}x",
            r#"{"batchItemFailures":[}"#,
            "\u{7f}",
            // Wrong types.
            r#""done""#,
            "1",
            "true",
            "[]",
            "[[]]",
            r#"[{"itemIdentifier":"b"}]"#,
            r#"{"batchItemFailures":"b"}"#,
            r#"{"batchItemFailures":{}}"#,
            r#"{"batchItemFailures":0}"#,
            r#"{"batchItemFailures":["b"]}"#,
            r#"{"batchItemFailures":[["b"]]}"#,
            r#"{"batchItemFailures":[null]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":1}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":["b"]}]}"#,
            // No identifier.
            r#"{"batchItemFailures":[{}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"b"},{}]}"#,
            // Wrong names.
            r#"{"batchItemFailures":[{"identifier":"b"}]}"#,
            r#"{"batchItemFailures":[{"itemidentifier":"b"}]}"#,
            r#"{"batchItemFailure":[{"itemIdentifier":"b"}]}"#,
            r#"{"batch_item_failures":[{"itemIdentifier":"b"}]}"#,
            // Not in the batch.
            r#"{"batchItemFailures":[{"itemIdentifier":"d"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"B"}]}"#,
        ] {
            assert!(of(reply).is_err(), "{reply}");
        }
        let deep = format!(r#"{{"batchItemFailures":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert!(of(&deep).is_err());
        assert!(failures(b"\xff\xfe", ["a"].into_iter()).is_err());
    }

    #[test]
    fn ids_that_are_there_twice_fail_together() {
        let reply = br#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#;
        let failed = failures(reply, ["a", "b", "a"].into_iter()).unwrap();
        assert_eq!(failed.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    }
}
