//! Texts of strangers, times and sizes, as people read them.

/// A text on one line, with everything escaped that could drive a terminal or hide what is written: control
/// characters, marks that turn the direction of writing, characters without width.
pub(crate) fn printable(text: &str) -> String {
    escape(text, |_| false)
}

/// The same with its lines and tabs as they are.
pub(crate) fn printable_lines(text: &str) -> String {
    escape(text, |c| c == '\n' || c == '\t')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // Quotes and backslashes are escaped by Rust's rules, vowel signs too; they do no harm.
        if keep(c) || c.is_alphanumeric() || matches!(c, '"' | '\'' | '\\') {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
    }
    shown
}

/// JSON text with everything escaped, as JSON does it, that could drive a terminal or hide what is written. Such
/// characters are within strings only, where this changes nothing.
pub(crate) fn printable_json(text: &str) -> String {
    let drives = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if drives(c) && c != '\n' && c != '\t' && c != '\r' {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Columns that a text takes. Wide characters are taken for wide even where a font has them narrow.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// A text that is printable already, cut to some columns.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(1);
    let fits = |c: &char| {
        let fits = columns(*c) <= left;
        left = left.saturating_sub(columns(*c));
        fits
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

fn columns(c: char) -> usize {
    if c >= '\u{1100}' && c != '…' && c != '→' { 2 } else { 1 }
}

/// How long ago, as in `3m ago`; less than zero is in the future.
pub(crate) fn ago(millis: i64) -> String {
    match millis {
        -999..=999 => "now".to_owned(),
        1000.. => format!("{} ago", coarse(millis.unsigned_abs())),
        _ => format!("in {}", coarse(millis.unsigned_abs())),
    }
}

/// A time in its largest unit, as in `3m`: what is left over does not matter.
fn coarse(millis: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let unit = UNITS.into_iter().find(|(factor, _)| millis >= *factor);
    unit.map_or_else(|| format!("{millis}ms"), |(factor, unit)| format!("{}{unit}", millis / factor))
}

/// A time without loss, as the manifest writes it: `90s`, `15m`.
pub(crate) fn time(millis: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let whole = |(factor, _): &(u64, &str)| millis >= *factor && millis.is_multiple_of(*factor);
    match UNITS.into_iter().find(whole) {
        Some((factor, unit)) => format!("{}{unit}", millis / factor),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}

/// Bytes, as in `1.5 KB`; a KB has 1024.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match UNITS.into_iter().find(|(factor, _)| bytes >= *factor) {
        None => format!("{bytes} B"),
        Some((factor, unit)) if bytes.is_multiple_of(factor) => format!("{} {unit}", bytes / factor),
        Some((factor, unit)) => {
            let tenth = bytes % factor * 10 / factor;
            format!("{}.{tenth} {unit}", bytes / factor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_do_not_drive_the_terminal() {
        let check = |text: &str, expect: &str| assert_eq!(printable(text), expect, "{text:?}");
        check(r#"{"a":"b\"c", 'd'}"#, r#"{"a":"b\"c", 'd'}"#);
        check("über 漢字 नमी 😀", "über 漢字 नमी 😀");
        check("\x1b[2J\x1b]0;owned\x07", r"\u{1b}[2J\u{1b}]0;owned\u{7}");
        check("a\nb\tc\r", r"a\nb\tc\r");
        check("\u{9b}31m", r"\u{9b}31m");
        check("\u{202e}txt.exe\u{200b}\u{feff}\u{2028}", r"\u{202e}txt.exe\u{200b}\u{feff}\u{2028}");
        check("\0\x7f", r"\0\u{7f}");
        assert_eq!(printable_lines("a\nb\tc\r\x1b"), "a\nb\tc\\r\\u{1b}");
    }

    #[test]
    fn hostile_json_stays_the_same_json() {
        let text = serde_json::to_string("a\u{9b}31m\u{7f}\u{202e}\u{1b}ü").unwrap();
        let shown = printable_json(&text);
        assert_eq!(shown, r#""a\u009b31m\u007f\u202e\u001bü""#);
        let read = |text: &str| serde_json::from_str::<String>(text).unwrap();
        assert_eq!(read(&shown), read(&text));
    }

    #[test]
    fn texts_are_cut_to_columns() {
        let check = |text: &str, most, expect: &str| assert_eq!(cut(text, most), expect, "{text}");
        check("hello", 5, "hello");
        check("hello!", 5, "hell…");
        check("漢字漢字", 5, "漢字…");
        check("漢字漢字", 4, "漢…");
        check("ab", 1, "…");
        check("", 0, "");
        check("a", 0, "…");
    }

    #[test]
    fn times_are_told_as_people_tell_them() {
        let cases = [
            (0, "now"),
            (-999, "now"),
            (1000, "1s ago"),
            (59_999, "59s ago"),
            (185_000, "3m ago"),
            (7_200_000, "2h ago"),
            (200_000_000, "2d ago"),
            (-5000, "in 5s"),
            (i64::MIN, "in 106751991167d"),
        ];
        cases.into_iter().for_each(|(millis, expect)| assert_eq!(ago(millis), expect, "{millis}"));
        let cases = [(0, "0s"), (1500, "1500ms"), (90_000, "90s"), (900_000, "15m"), (345_600_000, "4d")];
        cases.into_iter().for_each(|(millis, expect)| assert_eq!(time(millis), expect, "{millis}"));
    }

    #[test]
    fn sizes_are_readable() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KB"),
            (1536, "1.5 KB"),
            (2047, "1.9 KB"),
            (1_048_576, "1 MB"),
            (u64::MAX, "17179869183.9 GB"),
        ];
        cases.into_iter().for_each(|(bytes, expect)| assert_eq!(size(bytes), expect, "{bytes}"));
    }
}
