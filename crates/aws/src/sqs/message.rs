//! Messages as they are sent: which bodies, attributes and ids are good.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lambent_core::message::Value;
use lambent_core::{Attribute, Attributes, limits};
use serde::Deserialize;

use super::error::{Code, Error};
use super::request::Text;
use crate::query::Section;

/// Longest name and longest type of an attribute (SQS).
const NAME_MAX: usize = 256;

/// Most digits of a number (SQS).
const DIGITS_MAX: usize = 38;

/// An attribute's value as it is sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sent<'a> {
    #[serde(borrow)]
    data_type: Option<Text<'a>>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    #[serde(borrow)]
    binary_value: Option<Text<'a>>,
    #[serde(borrow)]
    string_list_values: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    binary_list_values: Option<Vec<Text<'a>>>,
}

/// Attributes as they are sent.
pub(super) type SentAttributes<'a> = BTreeMap<String, Sent<'a>>;

/// Reads attributes from a form, as in `MessageAttribute.1.Name` and `MessageAttribute.1.Value.DataType`.
pub(super) fn of_form<'a>(form: Section<'_, 'a>, name: &str) -> Option<SentAttributes<'a>> {
    let attribute = |entry: Section<'_, 'a>| {
        let value = entry.below("Value");
        let sent = Sent {
            data_type: value.text("DataType"),
            string_value: value.text("StringValue"),
            binary_value: value.text("BinaryValue"),
            string_list_values: value.list_of_texts("StringListValue"),
            binary_list_values: value.list_of_texts("BinaryListValue"),
        };
        Some((entry.get("Name")?.into_owned(), sent))
    };
    let attributes: SentAttributes<'a> = form.entries(name).into_iter().filter_map(attribute).collect();
    (!attributes.is_empty()).then_some(attributes)
}

/// Checks attributes and takes them.
///
/// # Errors
/// Which of them is not good.
pub(super) fn checked(sent: Option<SentAttributes<'_>>) -> Result<Attributes, Error> {
    let sent = sent.unwrap_or_default();
    if sent.len() > limits::ATTRIBUTES_MAX {
        return Err(Code::InvalidParameterValue.because(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{}].",
            sent.len(),
            limits::ATTRIBUTES_MAX
        )));
    }
    sent.into_iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: String, sent: Sent<'_>) -> Result<(String, Attribute), Error> {
    let refuse = |message: String| Err(Code::InvalidParameterValue.because(message));
    if let Err(reason) = check_name(&name) {
        return refuse(format!("The message attribute name '{name}' is invalid: {reason}."));
    }
    if sent.string_list_values.is_some_and(|list| !list.is_empty())
        || sent.binary_list_values.is_some_and(|list| !list.is_empty())
    {
        return Err(Error::unsupported(
            "Message attribute list values in SendMessage operation are not supported.",
        ));
    }
    let kind = sent.data_type.as_deref().unwrap_or_default();
    if kind.is_empty() {
        return refuse(format!("The message attribute '{name}' must contain a non-empty attribute type."));
    }
    let (base, label) = kind.split_once('.').map_or((kind, None), |(base, label)| (base, Some(label)));
    if !matches!(base, "String" | "Number" | "Binary") {
        return refuse(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
             prefixes is Binary, Number, and String."
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if kind.len() > NAME_MAX || label.is_some_and(|label| label.is_empty() || !label.chars().all(plain)) {
        return refuse(format!("The type of message attribute '{name}' is invalid: '{kind}'."));
    }
    let value = match base {
        "Binary" => binary(&name, sent.string_value.as_deref(), sent.binary_value.as_deref())?,
        _ if sent.binary_value.is_some() => {
            return refuse(format!(
                "The message attribute '{name}' with type '{kind}' must use field 'String'."
            ));
        }
        _ => match sent.string_value.map(|text| text.0.into_owned()) {
            Some(text) if !text.is_empty() => {
                check_text(&text)?;
                if base == "Number" && !is_number(&text) {
                    return refuse(format!(
                        "Can't cast the value of message (user) attribute '{name}' to a number."
                    ));
                }
                Value::Text(text)
            }
            _ => return refuse(empty(&name, "String")),
        },
    };
    Ok((name, Attribute { kind: kind.to_owned(), value }))
}

fn binary(name: &str, text: Option<&str>, binary: Option<&str>) -> Result<Value, Error> {
    let message = match binary {
        _ if text.is_some() => {
            format!("The message attribute '{name}' with type 'Binary' must use field 'Binary'.")
        }
        None | Some("") => empty(name, "Binary"),
        Some(text) => match BASE64.decode(text) {
            Ok(bytes) => return Ok(Value::Binary(bytes)),
            Err(_) => format!("The value of message (user) attribute '{name}' is not in Base64."),
        },
    };
    Err(Code::InvalidParameterValue.because(message))
}

fn empty(name: &str, kind: &str) -> String {
    format!("Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'.")
}

/// Whether an attribute may have this name; why not.
fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let reserved =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
    if name.is_empty() || name.len() > NAME_MAX {
        return Err("it must have 1 to 256 characters");
    }
    if !name.bytes().all(plain) {
        return Err("it can contain letters, digits, hyphens, underscores and periods");
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err("it must not begin or end with a period, nor have two in a row");
    }
    if reserved("aws.") || reserved("amazon.") {
        return Err("it must not begin with AWS. or Amazon.");
    }
    Ok(())
}

/// Whether a text is a number as SQS takes it: up to 38 digits, and an exponent.
fn is_number(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    plain && digits <= DIGITS_MAX && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Checks that a text has only characters that SQS takes.
///
/// # Errors
/// Which character it does not take.
pub(super) fn check_text(text: &str) -> Result<(), Error> {
    let control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    let found = text
        .bytes()
        .any(|byte| control(byte) || byte == 0xef)
        .then(|| {
            text.chars().find(|c| matches!(c, '\u{fffe}' | '\u{ffff}') || (*c < ' ' && control(*c as u8)))
        })
        .flatten();
    let Some(found) = found else { return Ok(()) };
    Err(Code::InvalidMessageContents.because(format!(
        "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is \
         #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]",
        u32::from(found)
    )))
}

/// Checks a message group, a deduplication id or the name of a try.
///
/// # Errors
/// When it is empty, too long, or has other characters than letters, digits and punctuation.
pub(super) fn checked_id(name: &str, id: Option<&str>) -> Result<Option<String>, Error> {
    let Some(id) = id else { return Ok(None) };
    if id.is_empty() || id.len() > limits::DEDUP_ID_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = format!(
            "{name} can only include alphanumeric and punctuation characters. 1 to {} in length.",
            limits::DEDUP_ID_MAX
        );
        return Err(Error::value(name, id, &reason));
    }
    Ok(Some(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Attributes, String> {
        checked(Some(serde_json::from_str(text).unwrap())).map_err(|error| error.message)
    }

    #[test]
    fn attributes_are_taken_from_both_protocols() {
        let expect = Attributes::from([
            ("b".to_owned(), Attribute { kind: "Binary.png".to_owned(), value: Value::Binary(vec![0, 1]) }),
            (
                "n".to_owned(),
                Attribute { kind: "Number.int".to_owned(), value: Value::Text("-1.5e3".to_owned()) },
            ),
            ("s".to_owned(), Attribute::text("v")),
        ]);
        let text = r#"{"s":{"DataType":"String","StringValue":"v"},"n":{"DataType":"Number.int","StringValue":"-1.5e3"},"b":{"DataType":"Binary.png","BinaryValue":"AAE=","StringListValues":[]}}"#;
        assert_eq!(json(text), Ok(expect.clone()));
        let form = "A.1.Name=s&A.1.Value.DataType=String&A.1.Value.StringValue=v&A.2.Name=n&A.2.Value.DataType=Number.int\
            &A.2.Value.StringValue=-1.5e3&A.3.Name=b&A.3.Value.DataType=Binary.png&A.3.Value.BinaryValue=AAE%3D";
        let form = crate::query::Form::parse(form.as_bytes()).unwrap();
        assert_eq!(checked(of_form(form.all(), "A")), Ok(expect));
        assert!(of_form(form.all(), "B").is_none());
    }

    #[test]
    fn attributes_that_are_not_good_are_refused() {
        let check = |text: &str, expect: &str| {
            let error = json(text).unwrap_err();
            assert!(error.contains(expect), "{error}");
        };
        check(
            r#"{"s":{"DataType":"String","StringValue":""}}"#,
            "'s' must contain a non-empty value of type 'String'.",
        );
        check(r#"{"s":{"DataType":"String"}}"#, "non-empty value of type 'String'.");
        check(r#"{"s":{"DataType":"Binary","BinaryValue":""}}"#, "non-empty value of type 'Binary'.");
        check(r#"{"s":{"DataType":"Binary","BinaryValue":"%"}}"#, "not in Base64");
        check(r#"{"s":{"DataType":"Binary","StringValue":"a"}}"#, "must use field 'Binary'");
        check(r#"{"s":{"DataType":"String","BinaryValue":"AA=="}}"#, "must use field 'String'");
        check(r#"{"s":{"StringValue":"a"}}"#, "must contain a non-empty attribute type.");
        check(
            r#"{"s":{"DataType":"Text","StringValue":"a"}}"#,
            "supported type prefixes is Binary, Number, and String.",
        );
        check(r#"{"s":{"DataType":"Stringy","StringValue":"a"}}"#, "supported type prefixes");
        check(
            r#"{"s":{"DataType":"String.","StringValue":"a"}}"#,
            "type of message attribute 's' is invalid",
        );
        check(r#"{"s":{"DataType":"String","StringValue":"\u0001"}}"#, "'#x1' was found");
        check(r#"{"s":{"DataType":"String","StringListValues":["a"]}}"#, "list values in SendMessage");
        for name in ["", ".a", "a.", "a..b", "a b", "AWS.x", "amazon.x", &"x".repeat(257)] {
            check(&format!(r#"{{"{name}":{{"DataType":"String","StringValue":"a"}}}}"#), "name '");
        }
        for number in ["a", "inf", "NaN", "1_0", " 1", "", "1e", "1e999", &"9".repeat(39), "0x1"] {
            assert!(!is_number(number), "{number}");
        }
        for number in
            ["0", "-1", "+1.5", "1e10", ".5", &"9".repeat(38), "000000000000000000000000000000000000000001"]
        {
            assert!(is_number(number), "{number}");
        }
        let many: Vec<_> =
            (0..11).map(|i| format!(r#""a{i}":{{"DataType":"String","StringValue":"a"}}"#)).collect();
        check(
            &format!("{{{}}}", many.join(",")),
            "Number of message attributes [11] exceeds the allowed maximum [10].",
        );
    }

    #[test]
    fn characters_are_those_of_sqs() {
        for good in ["a\t\n\r ü€\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}", "", "\u{7f}", "\u{feff}"] {
            assert_eq!(check_text(good), Ok(()));
        }
        for (bad, code) in
            [("a\0", "#x0"), ("\u{1f}", "#x1F"), ("ü\u{fffe}", "#xFFFE"), ("\u{ffff}", "#xFFFF")]
        {
            let error = check_text(bad).unwrap_err();
            assert_eq!(error.code, Code::InvalidMessageContents);
            assert!(error.message.contains(&format!("'{code}'")), "{error}");
        }
    }

    #[test]
    fn ids_are_checked() {
        assert_eq!(checked_id("MessageGroupId", Some("a-!~")), Ok(Some("a-!~".to_owned())));
        for bad in ["", "a b", "ü", &"x".repeat(129)] {
            let error = checked_id("MessageGroupId", Some(bad)).unwrap_err().message;
            assert!(error.ends_with("Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."), "{error}");
        }
    }
}
