//! `wildcard`: strings with gaps.

use super::error::Reason;
use crate::limits::WILDCARDS_MAX;

/// A string with gaps: the texts before, between and behind the `*`. There is always one.
#[derive(Clone, Debug)]
pub(super) struct Wildcard {
    first: Box<str>,
    /// What follows each gap.
    rest: Vec<Box<str>>,
}

impl Wildcard {
    /// Reads `a*z`. `\*` and `\\` are the characters themselves; there are no other escapes, and no `**`
    /// (semantics.md 4.6).
    ///
    /// # Errors
    /// What is wrong. Positions count the quote that opens the string, as AWS does.
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let mut parts = vec![String::new()];
        let mut chars = (1..).zip(text.chars()).peekable();
        let put = |parts: &mut Vec<String>, c| {
            if let Some(part) = parts.last_mut() {
                part.push(c);
            }
        };
        while let Some((at, c)) = chars.next() {
            match c {
                '*' if chars.peek().is_some_and(|(_, next)| *next == '*') => {
                    return Err(Reason::WildcardTwice(at));
                }
                '*' => parts.push(String::new()),
                '\\' => match chars.next() {
                    Some((_, escaped @ ('*' | '\\'))) => put(&mut parts, escaped),
                    _ => return Err(Reason::WildcardEscape(at)),
                },
                plain => put(&mut parts, plain),
            }
        }
        if parts.len() - 1 > WILDCARDS_MAX {
            return Err(Reason::WildcardComplex);
        }
        let mut parts = parts.into_iter().map(String::into_boxed_str);
        Ok(Self { first: parts.next().unwrap_or_default(), rest: parts.collect() })
    }

    /// Whether a string has this shape. Each text is looked for behind the one before, the last at the end: the
    /// first place is always good enough, so nothing is tried twice.
    pub(super) fn matches(&self, value: &str) -> bool {
        let Some((last, between)) = self.rest.split_last() else { return value == &*self.first };
        let Some(mut left) = value.strip_prefix(&*self.first) else { return false };
        for text in between {
            let Some(at) = left.find(&**text) else { return false };
            left = &left[at + text.len()..];
        }
        left.ends_with(&**last)
    }
}
