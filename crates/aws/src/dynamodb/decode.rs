//! From a request's JSON to a request of the embedded database's, with DynamoDB's words for what does not fit.
//!
//! The database's requests refuse what is wrong with them in DynamoDB's words, behind a mark that says which error it
//! is. What JSON itself does not allow has serde's words, which are told here as DynamoDB tells them. The database
//! keeps its own code for this to itself.

use dynoxide::DynoxideError;
use serde::de::{DeserializeOwned, IgnoredAny};

/// What DynamoDB says of values in values in values.
const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: \
    Attributes in the item have nested levels beyond supported limit";

/// Reads a request.
///
/// # Errors
/// `SerializationException` for what is no JSON or of another JSON type, `ValidationException` for the rest.
pub(super) fn decode<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    // That it is JSON at all comes first: serde would stop at the first value that does not fit.
    serde_json::from_str::<IgnoredAny>(body).map_err(|_| unreadable())?;
    serde_json::from_str(body).map_err(|error| refused(&error.to_string()))
}

/// What DynamoDB says of a body that is no JSON: nothing but the error's name.
pub(super) fn unreadable() -> DynoxideError {
    DynoxideError::SerializationException(String::new())
}

/// How an error is made of its text.
type Make = fn(String) -> DynoxideError;

/// The database's marks. A mark that begins with another comes first.
const MARKS: &[(&str, Make)] = &[
    ("VALIDATION_REQUEST:", DynoxideError::EnvelopedValidation),
    ("VALIDATION_AS_READ:", DynoxideError::ValidationException),
    ("VALIDATION:", DynoxideError::ValidationException),
    ("SERIALIZATION_AS_READ:", DynoxideError::SerializationException),
    ("SERIALIZATION:", DynoxideError::SerializationException),
];

fn refused(raw: &str) -> DynoxideError {
    for (mark, make) in MARKS {
        if let Some(text) = raw.strip_prefix(mark) {
            return make(if mark.ends_with("AS_READ:") { text } else { without_place(text) }.to_owned());
        }
    }
    let text = without_place(raw);
    if text == "recursion limit exceeded" {
        return DynoxideError::ValidationException(TOO_DEEP.to_owned());
    }
    if text.contains("empty AttributeValue") {
        return DynoxideError::ValidationException(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
                .to_owned(),
        );
    }
    let is_value = ["missing field", "unknown variant", "invalid type: null", "Supplied AttributeValue"];
    if is_value.iter().any(|part| text.contains(part)) {
        return DynoxideError::ValidationException(text.to_owned());
    }
    DynoxideError::SerializationException(mismatch(text))
}

/// Serde ends its messages with where it was, which DynamoDB does not tell.
fn without_place(text: &str) -> &str {
    text.rsplit_once(" at line ").map_or(text, |(message, _)| message)
}

/// `invalid type: integer `1`, expected a string` in DynamoDB's words: the names that its JSON parser and the classes
/// of its model have in Java.
fn mismatch(text: &str) -> String {
    let Some((found, expected)) =
        text.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    else {
        return text.to_owned();
    };
    let class = match expected {
        "a string" => "String",
        "a boolean" => "Boolean",
        "i64" | "u64" => "Long",
        _ if found.starts_with("map") => {
            return "Start of structure or map found where not expected".to_owned();
        }
        _ => return "Unexpected field type".to_owned(),
    };
    let token = match found.split(' ').next().unwrap_or_default() {
        "map" => return "Start of structure or map found where not expected".to_owned(),
        "sequence" => return format!("Unrecognized collection type class java.lang.{class}"),
        "string" if class == "Boolean" => return "Unexpected token received from parser".to_owned(),
        "string" => "STRING_VALUE",
        "integer" => "NUMBER_VALUE",
        "floating" => "DECIMAL_VALUE",
        _ if found.contains("true") => "TRUE_VALUE",
        _ => "FALSE_VALUE",
    };
    format!("{token} cannot be converted to {class}")
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::get_item::GetItemRequest;
    use dynoxide::actions::list_tables::ListTablesRequest;
    use dynoxide::actions::put_item::PutItemRequest;

    use super::*;

    fn check<T: DeserializeOwned>(body: &str, expect: &str) {
        let error = decode::<T>(body).err().expect(body);
        let name = error.error_type().rsplit('#').next().unwrap();
        assert_eq!(format!("{name}: {error}"), expect, "{body}");
    }

    #[test]
    fn what_is_no_json_has_no_message() {
        for bad in ["", "{", "{} {}", "{\"TableName\":23", "x"] {
            check::<GetItemRequest>(bad, "SerializationException: ");
        }
    }

    #[test]
    fn other_types_are_told_in_dynamodbs_words() {
        let serialization = |body: &str, text: &str| {
            check::<GetItemRequest>(body, &format!("SerializationException: {text}"))
        };
        serialization(r#"{"TableName":23}"#, "NUMBER_VALUE cannot be converted to String");
        serialization(r#"{"TableName":2.5}"#, "DECIMAL_VALUE cannot be converted to String");
        serialization(r#"{"TableName":true}"#, "TRUE_VALUE cannot be converted to String");
        serialization(r#"{"TableName":[]}"#, "Unrecognized collection type class java.lang.String");
        serialization(r#"{"TableName":{}}"#, "Start of structure or map found where not expected");
        check::<ListTablesRequest>(
            r#"{"Limit":"5"}"#,
            "SerializationException: STRING_VALUE cannot be converted to Long",
        );
    }

    #[test]
    fn marks_never_reach_the_client() {
        check::<GetItemRequest>(
            r#"{"TableName":"Users"}"#,
            "ValidationException: 1 validation error detected: Value null at 'key' failed to satisfy constraint: Member must not be null",
        );
        check::<PutItemRequest>(
            r#"{"TableName":"Users","Item":{"a":{"NULL":false}}}"#,
            "ValidationException: One or more parameter values were invalid: Null attribute value types must have the value of true",
        );
        check::<PutItemRequest>(
            r#"{"TableName":"Users","Item":{"a":{"S":"a","N":"1"}}}"#,
            "ValidationException: Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        );
        check::<PutItemRequest>(
            r#"{"TableName":"Users","Item":{"a":{}}}"#,
            "ValidationException: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        );
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!(
            "{{\"TableName\":\"Users\",\"Item\":{{\"a\":{}{}}}}}",
            "{\"L\":[".repeat(80),
            "]}".repeat(80)
        );
        check::<PutItemRequest>(&deep, &format!("ValidationException: {TOO_DEEP}"));
    }
}
