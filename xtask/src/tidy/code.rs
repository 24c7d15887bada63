//! Just enough of Rust's grammar to tell code from comments and strings, and tests from the rest.

use std::ops::Range;

/// The lines of a Rust file.
pub(super) struct Lines {
    /// Without comments and without what is in strings.
    pub(super) code: Vec<String>,
    /// Comments alone.
    pub(super) comments: Vec<String>,
    /// Whether a line is compiled for tests only.
    pub(super) test: Vec<bool>,
}

impl Lines {
    pub(super) fn of(path: &str, text: &str) -> Self {
        let (code, comments) = separate(text);
        let regions = test_regions(&code);
        let name = path.rsplit('/').next().unwrap_or(path);
        let whole = name == "tests.rs" || path.split('/').any(|folder| folder == "tests");
        let mut test = Vec::new();
        let mut at = 0;
        for line in code.split_inclusive('\n') {
            test.push(whole || regions.iter().any(|region| region.contains(&at)));
            at += line.len();
        }
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Self { code: lines(&code), comments: lines(&comments), test }
    }

    /// The lines of code that users run, with their numbers.
    pub(super) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        self.numbered().filter(|(number, _)| !self.test[number - 1])
    }

    /// All lines of code, with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.iter().map(String::as_str))
    }
}

/// Splits a file into its code and its comments. Both keep the lines of the file; what is in strings is in neither.
fn separate(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut comments = String::new();
    let mut at = 0;
    while at < chars.len() {
        let (end, kind) = token(&chars, at);
        for c in &chars[at..end] {
            match kind {
                _ if *c == '\n' => {
                    code.push('\n');
                    comments.push('\n');
                }
                Kind::Code => code.push(*c),
                Kind::Comment => comments.push(*c),
                Kind::Literal => {}
            }
        }
        if kind == Kind::Literal {
            code.push_str("\"\"");
        }
        at = end;
    }
    (code, comments)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// The end and the kind of what begins at `at`.
fn token(chars: &[char], at: usize) -> (usize, Kind) {
    let next = chars.get(at + 1).copied();
    let word_goes_on = at > 0 && is_word(chars[at - 1]);
    match chars[at] {
        '/' if next == Some('/') => (find(chars, at, |rest| rest[0] == '\n'), Kind::Comment),
        '/' if next == Some('*') => (block_comment(chars, at), Kind::Comment),
        '"' => (string(chars, at + 1), Kind::Literal),
        'b' | 'c' | 'r' if !word_goes_on => match raw_string(chars, at) {
            Some(end) => (end, Kind::Literal),
            None => (at + 1, Kind::Code),
        },
        '\'' if next == Some('\\') => (find(chars, at + 3, |rest| rest[0] == '\'') + 1, Kind::Literal),
        '\'' if chars.get(at + 2) == Some(&'\'') => (at + 3, Kind::Literal),
        _ => (at + 1, Kind::Code),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `found` first holds, or the end of the file.
fn find(chars: &[char], from: usize, found: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| found(&chars[*at..])).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], begin: usize) -> usize {
    let mut depth = 0;
    let mut at = begin;
    while at < chars.len() {
        if chars[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if chars[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    chars.len()
}

fn string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of `r"..."`, `r#"..."#`, `br"..."` and `cr"..."`, when that is what begins here.
fn raw_string(chars: &[char], begin: usize) -> Option<usize> {
    let r = if chars[begin] == 'r' { begin } else { begin + 1 };
    if chars.get(r) != Some(&'r') {
        return None;
    }
    let hashes = chars[r + 1..].iter().take_while(|c| **c == '#').count();
    let open = r + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    Some((find(chars, open + 1, |rest| rest.starts_with(&close)) + close.len()).min(chars.len()))
}

/// The bytes that `#[cfg(test)]` covers, from the attribute to the end of its item.
fn test_regions(code: &str) -> Vec<Range<usize>> {
    code.match_indices("#[cfg(test)]")
        .map(|(begin, attribute)| begin..item_end(code, begin + attribute.len()))
        .collect()
}

/// The end of the item that begins at `from`: its closing brace, or the semicolon of an item without one.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[from..].char_indices() {
        depth += match c {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        if depth < 0 || (depth == 0 && matches!(c, '}' | ';')) {
            return from + at + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::{Lines, separate};

    fn check(text: &str, code: &str, comments: &str) {
        let (found_code, found_comments) = separate(text);
        assert_eq!((found_code.as_str(), found_comments.as_str()), (code, comments), "{text}");
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        check("a // b\nc", "a \nc", "// b\n");
        check("a /* b /* c */ */ d", "a  d", "/* b /* c */ */");
        check("a(\"b // c \\\" d\") // e", "a(\"\") ", "// e");
        check("a\n/* b\nc */\nd", "a\n\n\nd", "\n/* b\nc */\n");
        check("\"a\nb\"", "\n\"\"", "\n");
    }

    #[test]
    fn raw_strings_and_characters() {
        check("r#\"a \" b\"# c", "\"\" c", "");
        check("br\"a\\\" b", "\"\" b", "");
        check("r#type: &'a str = '\"'", "r#type: &'a str = \"\"", "");
        check("'\\'' '\\u{1F600}' x", "\"\" \"\" x", "");
        check("for r in x {}", "for r in x {}", "");
    }

    #[test]
    fn tests_are_known() {
        let test = |path: &str, text: &str| -> String {
            Lines::of(path, text).test.iter().map(|test| if *test { 't' } else { '.' }).collect()
        };
        assert_eq!(
            test("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}\n"),
            ".tttt."
        );
        assert_eq!(test("a.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n"), "tt.");
        assert_eq!(test("a.rs", "#[cfg(test)]\nfn a(b: [u8; 4]) {\n}\nfn c() {}\n"), "ttt.");
        assert_eq!(test("a/tests.rs", "fn a() {}\n"), "t");
        assert_eq!(test("a/tests/b.rs", "fn a() {}\n"), "t");
        assert_eq!(test("a/test.rs", "fn a() {}\n"), ".");
    }
}
