//! JSON text written without a tree: the one thing that the hot path needs.

/// Appends `text` to `out` as a JSON string, quotes included.
pub fn push_string(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut copied = 0;
    for (i, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[copied..i]);
        if short.is_empty() {
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 0x0f)]));
        } else {
            out.push_str(short);
        }
        copied = i + 1;
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    #[test]
    fn strings_are_escaped() {
        let check = |text: &str, expect: &str| {
            let mut out = String::new();
            super::push_string(&mut out, text);
            assert_eq!(out, expect);
        };
        check("", r#""""#);
        check("plain", r#""plain""#);
        check("a\"b\\c\nd", r#""a\"b\\c\nd""#);
        check("\u{1}\u{1f}ü€", "\"\\u0001\\u001fü€\"");
    }
}
