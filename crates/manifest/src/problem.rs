//! What is wrong with a manifest, as people see it: the place, the line, the reason, and what to write instead.

use std::fmt;

/// One thing that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The manifest, as its reader calls it; the folder where there is no manifest.
    pub file: String,
    /// Where in the file; `None` when the file as a whole is meant.
    pub place: Option<Place>,
    /// The key, as in `functions.register-user.timeout`; empty when no key is meant.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub suggestion: Option<String>,
}

/// A place in a manifest, with the line that it lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The line, or the part of a long line that holds the place. One line, without control characters.
    pub excerpt: String,
    /// Characters of the excerpt before the place.
    pub indent: usize,
    /// Characters of the excerpt that are meant, at least one.
    pub width: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Place { line, column, .. }) = &self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(Place { line, excerpt, indent, width, .. }) = &self.place {
            write!(f, "\n{line:>4} | {excerpt}\n     | {:indent$}{:^<width$}", "", "")?;
        }
        for line in self.suggestion.iter().flat_map(|text| text.lines()) {
            write!(f, "\n{:indent$}{line}", "", indent = if line.is_empty() { 0 } else { 2 })?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a manifest, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    shown: Vec<Problem>,
    hidden: usize,
}

impl Problems {
    /// `hidden` more problems were found than are worth showing at once.
    pub(crate) fn new(shown: Vec<Problem>, hidden: usize) -> Self {
        Self { shown, hidden }
    }

    /// The problems, at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.shown.iter()
    }

    /// How many more there are than [`Problems::iter`] gives.
    pub fn hidden(&self) -> usize {
        self.hidden
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem], 0)
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.iter().enumerate() {
            let gap = if i == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        match self.hidden {
            0 => Ok(()),
            hidden => write!(f, "\n\nand {hidden} more"),
        }
    }
}

impl std::error::Error for Problems {}
