//! Forms as the query protocol has them: `Action=SendMessageBatch&Entry.1.Id=a&Entry.1.Body=b`. The dots in the names
//! make lists and maps of a flat form.

use std::borrow::Cow;

use http::StatusCode;
use percent_encoding::percent_decode;

use crate::protocol::Refusal;

/// Most fields of a form: ten messages with ten attributes each have 400.
const FIELDS_MAX: usize = 4096;

/// What some clients put between the name of a list or a map and the number.
const FILLERS: [&str; 2] = ["member", "entry"];

type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A form, decoded.
#[derive(Debug)]
pub(crate) struct Form<'a> {
    /// Sorted by name. Fields of one name stay in their order: the first counts.
    fields: Vec<Field<'a>>,
}

/// Fields of a form whose names begin in the same way; they are called by what follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'f, 'a> {
    fields: &'f [Field<'a>],
    /// How much of the names is left out.
    skip: usize,
}

impl<'a> Form<'a> {
    /// Reads a form.
    ///
    /// # Errors
    /// When it is no text or has too many fields.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Refusal> {
        let refuse = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, "MalformedQueryString", message);
        let mut fields = Vec::new();
        for field in text.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
            if fields.len() == FIELDS_MAX {
                return Err(refuse(&format!("The form has more than {FIELDS_MAX} fields.")));
            }
            let end = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
            let value = field.get(end + 1..).unwrap_or_default();
            match (decoded(&field[..end]), decoded(value)) {
                (Some(name), Some(value)) => fields.push((name, value)),
                _ => return Err(refuse("The form is not in UTF-8.")),
            }
        }
        fields.sort_by(|(a, _): &Field<'_>, (b, _)| a.cmp(b));
        Ok(Self { fields })
    }

    /// All of it.
    pub(crate) fn all(&self) -> Section<'_, 'a> {
        Section { fields: &self.fields, skip: 0 }
    }
}

impl<'f, 'a> Section<'f, 'a> {
    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let first = self.fields.partition_point(|(own, _)| &own[self.skip..] < name);
        let (own, value) = self.fields.get(first)?;
        (&own[self.skip..] == name).then(|| value.clone())
    }

    /// The fields below a name, as in `Value` of `Value.DataType`. Empty when there are none.
    pub(crate) fn below(&self, name: &str) -> Self {
        let begins = |field: &Field<'_>| {
            field.0[self.skip..].strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        };
        // What begins with `name.` stands together, right behind what sorts before it.
        let before =
            |field: &Field<'_>| field.0[self.skip..].as_bytes() < [name.as_bytes(), b"."].concat().as_slice();
        let rest = &self.fields[self.fields.partition_point(before)..];
        let count = rest.partition_point(begins);
        Self { fields: &rest[..count], skip: self.skip + name.len() + 1 }
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The texts of a list, by their numbers: `AttributeName.1`, `AttributeName.2`.
    pub(crate) fn texts(&self, name: &str) -> Vec<Cow<'a, str>> {
        let list = self.list(name);
        let numbered = |(own, value): &Field<'a>| Some((own[list.skip..].parse().ok()?, value.clone()));
        let mut texts: Vec<(u32, _)> = list.fields.iter().filter_map(numbered).collect();
        texts.sort_by_key(|(number, _)| *number);
        texts.into_iter().map(|(_, text)| text).collect()
    }

    /// The entries of a list, by their numbers: `Entry.1.Id`, `Entry.1.Body`, `Entry.2.Id`.
    pub(crate) fn entries(&self, name: &str) -> Vec<Self> {
        let list = self.list(name);
        let mut numbers: Vec<(u32, &str)> = list
            .fields
            .iter()
            .filter_map(|(own, _)| own[list.skip..].split_once('.'))
            .filter_map(|(number, _)| Some((number.parse().ok()?, number)))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|(_, number)| list.below(number)).collect()
    }

    /// The pairs of a map, by their numbers: `Tag.1.Key`, `Tag.1.Value`. A value that is missing is empty.
    pub(crate) fn pairs(&self, name: &str, key: &str, value: &str) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let pair = |entry: Self| Some((entry.get(key)?, entry.get(value).unwrap_or_default()));
        self.entries(name).into_iter().filter_map(pair).collect()
    }

    fn list(&self, name: &str) -> Self {
        let plain = self.below(name);
        FILLERS.iter().map(|filler| plain.below(filler)).find(|list| !list.is_empty()).unwrap_or(plain)
    }
}

/// A name or value as it is meant. `None` when it is not in UTF-8.
fn decoded(raw: &[u8]) -> Option<Cow<'_, str>> {
    if !raw.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(text: &str, read: impl FnOnce(Section<'_, '_>) -> T) -> T {
        read(Form::parse(text.as_bytes()).unwrap().all())
    }

    #[test]
    fn fields_are_decoded() {
        with("Action=SendMessage&a=&b&MessageBody=x+y%2B%0d%c3%bc&&c=1=2&a=again", |form| {
            let check = |name: &str, expect: Option<&str>| assert_eq!(form.get(name).as_deref(), expect);
            check("Action", Some("SendMessage"));
            check("MessageBody", Some("x y+\rü"));
            check("a", Some(""));
            check("b", Some(""));
            check("c", Some("1=2"));
            check("", None);
            check("Actio", None);
        });
        with("", |form| assert!(form.is_empty()));
        with("%zz=%", |form| assert_eq!(form.get("%zz").as_deref(), Some("%")));
    }

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let names = |text: &str| with(text, |form| form.texts("Name").join(","));
        assert_eq!(names("Name.2=b&Name.10=c&Name.1=a"), "a,b,c");
        assert_eq!(names("Name.member.2=b&Name.member.1=a"), "a,b");
        assert_eq!(names("Name=x&Names.1=x&Name.x=x&Name.-1=x&Name.1.Id=x&Name.7=a"), "a");
        assert_eq!(names("Name.99999999999999999999=x&Name.=x"), "");
    }

    #[test]
    fn entries_and_maps_nest() {
        let text = "Entry.1.Id=a&Entry.1-=x&Entry.10.Id=c&Entry.2.Id=b\
            &Entry.2.MessageAttribute.1.Name=k&Entry.2.MessageAttribute.1.Value.DataType=String\
            &Entry.2.MessageAttribute.1.Value.StringValue=v";
        with(text, |form| {
            let entries = form.entries("Entry");
            let ids: Vec<_> = entries.iter().map(|entry| entry.get("Id").unwrap()).collect();
            assert_eq!(ids, ["a", "b", "c"]);
            assert!(entries[0].entries("MessageAttribute").is_empty());
            let attribute = entries[1].entries("MessageAttribute")[0];
            assert_eq!(attribute.get("Name").unwrap(), "k");
            assert_eq!(attribute.below("Value").get("DataType").unwrap(), "String");
            assert_eq!(attribute.below("Value").get("StringValue").unwrap(), "v");
        });
        let pairs = |text: &str, name: &str, key: &str, value: &str| {
            with(text, |form| {
                let pairs = form.pairs(name, key, value);
                pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
            })
        };
        let sqs = "Attribute.2.Name=b&Attribute.2.Value=2&Attribute.1.Name=a&Attribute.1.Value=1&Attribute.3.Value=x&Attribute.4.Name=c";
        assert_eq!(pairs(sqs, "Attribute", "Name", "Value"), "a=1,b=2,c=");
        let sns = "Attributes.entry.1.key=a&Attributes.entry.1.value=1";
        assert_eq!(pairs(sns, "Attributes", "key", "value"), "a=1");
        assert_eq!(pairs("Tags.member.1.Key=a&Tags.member.1.Value=1", "Tags", "Key", "Value"), "a=1");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let refused = |text: &[u8]| Form::parse(text).unwrap_err().message;
        assert_eq!(refused(b"a=%ff"), "The form is not in UTF-8.");
        assert_eq!(refused(b"\xff"), "The form is not in UTF-8.");
        let many = "a=b&".repeat(FIELDS_MAX);
        assert!(Form::parse(many.as_bytes()).is_ok());
        assert_eq!(refused(format!("{many}a").as_bytes()), "The form has more than 4096 fields.");
    }
}
