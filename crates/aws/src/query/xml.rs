//! XML text, written from the front to the back.

/// A document that is being written.
#[derive(Debug)]
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    /// Begins a document with this text.
    pub(crate) fn begin(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The outermost element.
    pub(crate) fn root(&mut self, name: &str, namespace: &str, inner: impl FnOnce(&mut Self)) {
        self.text.push('<');
        self.text.push_str(name);
        if !namespace.is_empty() {
            self.text.push_str(" xmlns=\"");
            self.push_escaped(namespace);
            self.text.push('"');
        }
        self.text.push('>');
        inner(self);
        self.close(name);
    }

    /// An element with others in it.
    pub(crate) fn element(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.open(name);
        inner(self);
        self.close(name);
    }

    /// Opens an element.
    pub(crate) fn open(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
    }

    /// Closes the element that was opened last.
    pub(crate) fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// An element with text in it.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.element(name, |xml| xml.push_escaped(value));
    }

    /// What was written.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Text as it can stand in an element. A carriage return is written as a reference, because parsers make a line
    /// feed of the character (XML 1.0, 2.11); what XML cannot have at all becomes a replacement character.
    fn push_escaped(&mut self, text: &str) {
        let mut copied = 0;
        for (i, c) in text.char_indices() {
            let escaped = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\r' => "&#xD;",
                '\t' | '\n' => continue,
                '\0'..' ' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
                _ => continue,
            };
            self.text.push_str(&text[copied..i]);
            self.text.push_str(escaped);
            copied = i + c.len_utf8();
        }
        self.text.push_str(&text[copied..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_a_parser() {
        let check = |text: &str, expect: &str| {
            let mut xml = Xml::begin("");
            xml.text("a", text);
            assert_eq!(xml.into_text(), format!("<a>{expect}</a>"));
        };
        check("", "");
        check("plain ü€\u{10ffff}", "plain ü€\u{10ffff}");
        check("<a b=\"c\">&</a>", "&lt;a b=&quot;c&quot;&gt;&amp;&lt;/a&gt;");
        check("a\r\n\tb", "a&#xD;\n\tb");
        check("\0\u{1f}\u{fffe}x\u{ffff}", "\u{fffd}\u{fffd}\u{fffd}x\u{fffd}");
    }

    #[test]
    fn elements_nest() {
        let mut xml = Xml::begin("");
        xml.root("A", "http://x/?a&b", |xml| {
            xml.element("B", |xml| xml.text("C", "1"));
            xml.element("D", |_| ());
        });
        assert_eq!(xml.into_text(), "<A xmlns=\"http://x/?a&amp;b\"><B><C>1</C></B><D></D></A>");
    }
}
