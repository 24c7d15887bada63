//! Texts with values of an event put in.

use std::collections::BTreeMap;
use std::mem;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{Error, Path};
use crate::json::push_string;
use crate::limits::{TEMPLATE_MAX, TEMPLATE_PATHS_MAX};

/// A text in which `<name>` stands for a value of the event. What comes out is JSON: a value stands as JSON outside of
/// quotes and as text inside of them.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// What a template knows besides the event.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The rule's ARN.
    pub rule_arn: &'a str,
    /// The rule's name.
    pub rule_name: &'a str,
    /// When the event came in.
    pub ingestion_time: &'a str,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Value { of: Variable, quoted: bool },
}

#[derive(Clone, Debug)]
enum Variable {
    Path(Path),
    RuleArn,
    RuleName,
    IngestionTime,
    /// The event without its detail.
    Event,
    /// The whole event.
    EventJson,
}

impl Template {
    /// Reads a template; `paths` are the values that it can name besides the reserved ones.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(paths: &BTreeMap<String, String>, text: &str) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Err(Error::Empty);
        }
        if text.chars().count() > TEMPLATE_MAX {
            return Err(Error::TooLong);
        }
        let paths = read_paths(paths)?;
        let template = Self { pieces: pieces(&paths, text)? };
        template.check()?;
        Ok(template)
    }

    /// The text for an event. `None` when it has more than `max` bytes: a template can name the whole event again and
    /// again.
    pub fn render(&self, event: &Value, context: Context<'_>, max: usize) -> Option<String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { of, quoted } => push(&mut out, &of.value(event, context), *quoted),
            }
            if out.len() > max {
                return None;
            }
        }
        Some(out)
    }

    /// Whether JSON comes out: one value, or several one after the other, as in a text of several lines that are each
    /// in quotes.
    fn check(&self) -> Result<(), Error> {
        let example = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Value { quoted: true, .. } => "",
            Piece::Value { quoted: false, .. } => "null",
        });
        let example: String = example.collect();
        let values = serde_json::Deserializer::from_str(&example).into_iter::<IgnoredAny>();
        for value in values {
            value.map_err(|error| Error::NotJson(error.to_string()))?;
        }
        Ok(())
    }
}

impl Variable {
    fn of(name: &str, paths: &BTreeMap<&str, Path>) -> Option<Self> {
        Some(match name {
            "aws.events.rule-arn" => Self::RuleArn,
            "aws.events.rule-name" => Self::RuleName,
            "aws.events.event.ingestion-time" => Self::IngestionTime,
            "aws.events.event" => Self::Event,
            "aws.events.event.json" => Self::EventJson,
            name => Self::Path(paths.get(name)?.clone()),
        })
    }

    fn value(&self, event: &Value, context: Context<'_>) -> Value {
        match self {
            // What the event does not have is an empty text, as AWS was seen to do.
            Self::Path(path) => {
                path.find(event).map_or_else(|| Value::String(String::new()), std::borrow::Cow::into_owned)
            }
            Self::RuleArn => context.rule_arn.into(),
            Self::RuleName => context.rule_name.into(),
            Self::IngestionTime => context.ingestion_time.into(),
            Self::Event => without_detail(event),
            Self::EventJson => event.clone(),
        }
    }
}

/// `<aws.events.event>`: the event without its detail, with `detailType` for `detail-type`, as AWS was seen to do.
fn without_detail(event: &Value) -> Value {
    let Value::Object(event) = event else { return event.clone() };
    let renamed = |(key, value): (&String, &Value)| match key.as_str() {
        "detail" => None,
        "detail-type" => Some(("detailType".to_owned(), value.clone())),
        _ => Some((key.clone(), value.clone())),
    };
    Value::Object(event.iter().filter_map(renamed).collect::<Map<_, _>>())
}

/// Appends a value: as JSON, or as what stands between the quotes of a JSON text. AWS escapes nothing there, so that
/// one quote in an event makes the whole input useless.
fn push(out: &mut String, value: &Value, quoted: bool) {
    if !quoted {
        out.push_str(&value.to_string());
        return;
    }
    let mut text = String::new();
    match value {
        Value::String(value) => push_string(&mut text, value),
        other => push_string(&mut text, &other.to_string()),
    }
    out.push_str(&text[1..text.len() - 1]);
}

fn read_paths(paths: &BTreeMap<String, String>) -> Result<BTreeMap<&str, Path>, Error> {
    const NAME_MAX: usize = 256;
    if paths.len() > TEMPLATE_PATHS_MAX {
        return Err(Error::TooManyPaths);
    }
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let mut read = BTreeMap::new();
    for (name, path) in paths {
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(known) {
            return Err(Error::Name(name.clone()));
        }
        let path = Path::parse(path).map_err(|error| Error::Path { name: name.clone(), error })?;
        read.insert(name.as_str(), path);
    }
    Ok(read)
}

/// Takes a text apart. Blanks outside of quotes go, where the text is an object or an array (user guide: "the JSON
/// that is passed to the target is minified").
fn pieces(paths: &BTreeMap<&str, Path>, text: &str) -> Result<Vec<Piece>, Error> {
    let minify = text.trim_start().starts_with(['{', '[']);
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut quoted = false;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        if next == '<'
            && let Some(name) = placeholder(after)
        {
            let unknown = || Error::Unknown {
                name: name.to_owned(),
                at: text.chars().count() - rest.chars().count() + 1,
            };
            let of = Variable::of(name, paths).ok_or_else(unknown)?;
            pieces.push(Piece::Text(mem::take(&mut plain)));
            pieces.push(Piece::Value { of, quoted });
            rest = &after[name.len() + 1..];
            continue;
        }
        rest = after;
        match next {
            '\\' if rest.starts_with(['<', '>']) => {
                plain.push_str(&rest[..1]);
                rest = &rest[1..];
            }
            '\\' => {
                plain.push(next);
                let escaped = rest.chars().next();
                plain.extend(escaped);
                rest = &rest[escaped.map_or(0, char::len_utf8)..];
            }
            _ if minify && !quoted && next.is_ascii_whitespace() => {}
            _ => {
                quoted ^= next == '"';
                plain.push(next);
            }
        }
    }
    pieces.push(Piece::Text(plain));
    Ok(pieces)
}

/// The name in front of a closing bracket. A bracket that is followed by no name is a character like others.
fn placeholder(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('>')?;
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!name.is_empty() && name.bytes().all(known)).then_some(name)
}
