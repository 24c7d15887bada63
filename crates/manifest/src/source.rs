//! The text of a manifest, and where in it something stands.

use std::ops::Range;

use crate::fault::{Fault, Faults};
use crate::problem::{Place, Problem, Problems};

/// Problems that are shown at once; nobody reads more of them.
const SHOWN_MAX: usize = 100;

/// Characters of a message that are shown.
const MESSAGE_MAX: usize = 400;

/// Characters of a line that are shown, for lines that no person wrote.
const EXCERPT_MAX: usize = 100;

/// Characters of a long line that are shown before the place.
const EXCERPT_BEFORE: usize = 30;

/// A manifest's text and name.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { file, text, line_starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// `lambent.toml:7:1`.
    pub(crate) fn position(&self, at: usize) -> String {
        let (line, start) = self.line(at);
        format!("{}:{}:{}", self.file, line + 1, self.text[start..self.floor(at)].chars().count() + 1)
    }

    /// The faults as people see them, in the order of their places.
    pub(crate) fn problems(&self, faults: Faults) -> Problems {
        let mut faults = faults.into_vec();
        faults.sort_by_key(|fault| fault.span.as_ref().map(|span| span.start));
        let hidden = faults.len().saturating_sub(SHOWN_MAX);
        faults.truncate(SHOWN_MAX);
        Problems::new(faults.into_iter().map(|fault| self.problem(fault)).collect(), hidden)
    }

    fn problem(&self, fault: Fault) -> Problem {
        Problem {
            file: self.file.to_owned(),
            place: fault.span.map(|span| self.place(span)),
            key: fault.path,
            message: clip(&fault.message),
            suggestion: fault.suggestion,
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let at = self.floor(span.start);
        let (line, start) = self.line(at);
        let end = self.line_starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let before = self.text[start..at].chars().count();
        let meant = self.text[at..self.floor(span.end).clamp(at, end.max(at))].chars().count();

        let skipped = if before > EXCERPT_MAX - EXCERPT_BEFORE { before - EXCERPT_BEFORE } else { 0 };
        let content = self.text[start..end.max(start)].trim_end_matches('\r');
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let excerpt: String = content.chars().skip(skipped).take(EXCERPT_MAX).map(printable).collect();

        let indent = before - skipped;
        let width = meant.min(excerpt.chars().count().saturating_sub(indent)).max(1);
        Place { line: line + 1, column: before + 1, excerpt, indent, width }
    }

    /// The line that an offset lies in, counted from 0, and where it begins.
    fn line(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at).saturating_sub(1);
        (line, self.line_starts[line])
    }

    /// The parser's offsets lie on characters; a slice must not depend on it.
    fn floor(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at)
    }
}

/// A message may echo what the manifest holds, of any length and with any characters.
fn clip(message: &str) -> String {
    let mut clipped: String =
        message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_MAX).collect();
    if message.chars().nth(MESSAGE_MAX).is_some() {
        clipped.push('…');
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let check = |text: &str, span: Range<usize>, expect: (usize, usize, &str, usize)| {
            let place = Source::new("f", text).place(span);
            assert_eq!((place.line, place.column, &*place.excerpt, place.width), expect, "{text:?}");
        };
        check("", 0..0, (1, 1, "", 1));
        check("a = 1\n", 4..5, (1, 5, "a = 1", 1));
        check("a = 1\nbc = 2", 6..8, (2, 1, "bc = 2", 2));
        check("a = 1\r\nbc = 2\r\n", 7..20, (2, 1, "bc = 2", 6));
        check("a = 1\n", 6..6, (2, 1, "", 1));
        check("ä\t= \u{1b}", 3..4, (1, 3, "ä =  ", 1));
        check("ä", 1..2, (1, 1, "ä", 1));
        check("x", 7..9, (1, 2, "x", 1));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}here{}", "x".repeat(5000), "y".repeat(5000));
        let place = Source::new("f", &text).place(5000..5004);
        assert_eq!((place.column, place.indent, place.width), (5001, EXCERPT_BEFORE, 4));
        assert_eq!(place.excerpt.chars().count(), EXCERPT_MAX);
        assert!(place.excerpt[EXCERPT_BEFORE..].starts_with("herey"));
    }

    #[test]
    fn messages_are_one_line_of_bounded_length() {
        assert_eq!(clip("no\u{1b}[2J\nfun"), "no [2J fun");
        assert_eq!(clip(&"ü".repeat(MESSAGE_MAX)), "ü".repeat(MESSAGE_MAX));
        assert_eq!(clip(&"ü".repeat(MESSAGE_MAX + 1)), "ü".repeat(MESSAGE_MAX) + "…");
    }

    #[test]
    fn too_many_problems_are_counted() {
        let faults = (0..SHOWN_MAX + 3).map(|_| Fault::overall("bad")).collect();
        let problems = Source::new("f", "").problems(faults);
        assert_eq!((problems.iter().len(), problems.hidden()), (SHOWN_MAX, 3));
        assert!(problems.to_string().ends_with("\n\nand 3 more"));
    }
}
