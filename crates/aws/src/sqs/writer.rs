//! Answers, written once for both protocols.

use std::fmt::Display;

use http::Response;
use lambent_core::json::push_string;

use crate::body::Body;
use crate::protocol::Protocol;
use crate::query::{self, Xml};
use crate::service::Call;

/// Where an answer is written: JSON text or XML text.
#[derive(Debug)]
pub(super) enum Writer<'x> {
    /// JSON.
    Json(Json),
    /// XML.
    Xml(&'x mut Xml),
}

/// JSON text in the middle of an object.
#[derive(Debug)]
pub(super) struct Json {
    text: String,
    /// Whether the next field is the first of its object.
    first: bool,
}

/// The answer of an action that has a result.
pub(super) fn answer(call: &Call, write: impl FnOnce(&mut Writer<'_>)) -> Response<Body> {
    if matches!(call.protocol, Protocol::Query(_)) {
        return query::answer(call, |xml| write(&mut Writer::Xml(xml)));
    }
    let mut writer = Writer::Json(Json { text: String::with_capacity(256), first: true });
    writer.braces(write);
    match writer {
        Writer::Json(json) => call.protocol.answer(json.text),
        Writer::Xml(_) => query::done(call),
    }
}

/// The answer of an action that has none.
pub(super) fn done(call: &Call) -> Response<Body> {
    match call.protocol {
        Protocol::Query(_) => query::done(call),
        protocol => protocol.answer("{}".to_owned()),
    }
}

impl Writer<'_> {
    /// A text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        match self {
            Self::Json(json) => {
                json.name(name);
                push_string(&mut json.text, value);
            }
            Self::Xml(xml) => xml.text(name, value),
        }
    }

    /// A text, if there is one.
    pub(super) fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// What needs no quotes: a number or a truth.
    pub(super) fn bare(&mut self, name: &str, value: impl Display) {
        let value = value.to_string();
        match self {
            Self::Json(json) => {
                json.name(name);
                json.text.push_str(&value);
            }
            Self::Xml(xml) => xml.text(name, &value),
        }
    }

    /// A list of texts, with its names in JSON and XML.
    pub(super) fn texts<T: AsRef<str>>(
        &mut self,
        json_name: &str,
        xml_name: &str,
        texts: impl IntoIterator<Item = T>,
    ) {
        match self {
            Self::Json(json) => {
                json.name(json_name);
                json.text.push('[');
                for (i, text) in texts.into_iter().enumerate() {
                    json.comma(i);
                    push_string(&mut json.text, text.as_ref());
                }
                json.text.push(']');
            }
            Self::Xml(xml) => texts.into_iter().for_each(|text| xml.text(xml_name, text.as_ref())),
        }
    }

    /// A list, with its names in JSON and XML. An empty one is left out, as SQS does.
    pub(super) fn list<T>(
        &mut self,
        json_name: &str,
        xml_name: &str,
        items: &[T],
        mut write: impl FnMut(&mut Self, &T),
    ) {
        if items.is_empty() {
            return;
        }
        if let Self::Json(json) = self {
            json.name(json_name);
            json.text.push('[');
        }
        for (i, item) in items.iter().enumerate() {
            if let Self::Json(json) = self {
                json.comma(i);
            }
            self.nested(xml_name, |writer| write(writer, item));
        }
        if let Self::Json(json) = self {
            json.text.push(']');
        }
    }

    /// A map of texts: its names in JSON and XML, and what XML calls keys and values. An empty one is left out.
    pub(super) fn map<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        json_name: &str,
        [xml_name, key_name, value_name]: [&str; 3],
        pairs: &[(K, V)],
    ) {
        if pairs.is_empty() {
            return;
        }
        match self {
            Self::Json(json) => {
                json.name(json_name);
                json.text.push('{');
                for (i, (key, value)) in pairs.iter().enumerate() {
                    json.comma(i);
                    push_string(&mut json.text, key.as_ref());
                    json.text.push(':');
                    push_string(&mut json.text, value.as_ref());
                }
                json.text.push('}');
            }
            Self::Xml(xml) => {
                for (key, value) in pairs {
                    xml.element(xml_name, |xml| {
                        xml.text(key_name, key.as_ref());
                        xml.text(value_name, value.as_ref());
                    });
                }
            }
        }
    }

    /// A map of structures, with its names in JSON and XML. An empty one is left out.
    pub(super) fn structures<'a, T: 'a>(
        &mut self,
        json_name: &str,
        xml_name: &str,
        items: impl IntoIterator<Item = (&'a String, &'a T)>,
        mut write: impl FnMut(&mut Self, &'a T),
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        if let Self::Json(json) = self {
            json.name(json_name);
            json.text.push('{');
        }
        for (i, (key, item)) in items.enumerate() {
            match self {
                Self::Json(json) => {
                    json.comma(i);
                    push_string(&mut json.text, key);
                    json.text.push(':');
                }
                Self::Xml(xml) => {
                    xml.open(xml_name);
                    xml.text("Name", key);
                }
            }
            self.nested("Value", |writer| write(writer, item));
            if let Self::Xml(xml) = self {
                xml.close(xml_name);
            }
        }
        if let Self::Json(json) = self {
            json.text.push('}');
        }
    }

    /// A structure: an object without a name in JSON, an element in XML.
    fn nested(&mut self, xml_name: &str, write: impl FnOnce(&mut Self)) {
        if let Self::Xml(xml) = self {
            xml.open(xml_name);
        }
        self.braces(write);
        if let Self::Xml(xml) = self {
            xml.close(xml_name);
        }
    }

    /// What JSON has in braces.
    fn braces(&mut self, write: impl FnOnce(&mut Self)) {
        if let Self::Json(json) = self {
            json.text.push('{');
            json.first = true;
        }
        write(self);
        if let Self::Json(json) = self {
            json.text.push('}');
            json.first = false;
        }
    }
}

impl Json {
    /// The name of the next field; none of ours needs escapes.
    fn name(&mut self, name: &str) {
        self.comma(usize::from(!self.first));
        self.first = false;
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    /// A comma, in front of all but the first.
    fn comma(&mut self, before: usize) {
        if before > 0 {
            self.text.push(',');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn both(write: impl Fn(&mut Writer<'_>)) -> (String, String) {
        let mut writer = Writer::Json(Json { text: String::new(), first: true });
        writer.braces(&write);
        let Writer::Json(json) = writer else { panic!("it was JSON") };
        let mut xml = Xml::begin("");
        write(&mut Writer::Xml(&mut xml));
        (json.text, xml.into_text())
    }

    #[test]
    fn everything_is_written_in_both() {
        let nested = BTreeMap::from([("k<".to_owned(), "v".to_owned()), ("l".to_owned(), "w".to_owned())]);
        let (json, xml) = both(|writer| {
            writer.text("A", "1\"<");
            writer.maybe("None", None);
            writer.list("Entries", "Entry", &["x", "y"], |writer, item| {
                writer.text("Id", item);
                writer.bare("Fault", true);
            });
            writer.texts("Urls", "Url", ["u", "v"]);
            writer.map("Tags", ["Tag", "Key", "Value"], &[("a", "b"), ("c", "d")]);
            writer.structures("Attributes", "Attribute", &nested, |writer, value| writer.text("Text", value));
            writer.bare("Count", 7);
        });
        assert_eq!(
            json,
            r#"{"A":"1\"<","Entries":[{"Id":"x","Fault":true},{"Id":"y","Fault":true}],"Urls":["u","v"],"Tags":{"a":"b","c":"d"},"Attributes":{"k<":{"Text":"v"},"l":{"Text":"w"}},"Count":7}"#
        );
        assert_eq!(
            xml,
            "<A>1&quot;&lt;</A><Entry><Id>x</Id><Fault>true</Fault></Entry><Entry><Id>y</Id><Fault>true</Fault></Entry>\
             <Url>u</Url><Url>v</Url><Tag><Key>a</Key><Value>b</Value></Tag><Tag><Key>c</Key><Value>d</Value></Tag>\
             <Attribute><Name>k&lt;</Name><Value><Text>v</Text></Value></Attribute>\
             <Attribute><Name>l</Name><Value><Text>w</Text></Value></Attribute><Count>7</Count>"
        );
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let none: [(&str, &str); 0] = [];
        let (json, xml) = both(|writer| {
            writer.list("Entries", "Entry", &[] as &[u8], |_, _| ());
            writer.map("Tags", ["Tag", "Key", "Value"], &none);
            writer.structures("Attributes", "Attribute", &BTreeMap::<String, u8>::new(), |_, _| ());
        });
        assert_eq!((json.as_str(), xml.as_str()), ("{}", ""));
    }
}
