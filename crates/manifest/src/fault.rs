//! A problem while reading goes on: what is wrong and where, not yet shown to anybody.

use std::ops::Range;

/// One thing that is wrong, by its offsets in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The key, as in `functions.register-user.timeout`.
    pub(crate) path: String,
    /// `None` when the manifest as a whole is meant.
    pub(crate) span: Option<Range<usize>>,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

impl Fault {
    /// Something is wrong with the manifest as a whole.
    pub(crate) fn overall(message: impl Into<String>) -> Self {
        Self { path: String::new(), span: None, message: message.into(), suggestion: None }
    }

    /// Says what to do about it.
    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

/// Everything that is wrong with what was read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

/// Something that was read, or all that is wrong with it.
pub(crate) type Read<T> = Result<T, Faults>;

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn append(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The value, if it could be read; what is wrong with it is kept.
    pub(crate) fn keep<T>(&mut self, read: Read<T>) -> Option<T> {
        read.map_err(|more| self.append(more)).ok()
    }

    /// The value, if nothing is wrong.
    pub(crate) fn or<T>(self, value: T) -> Read<T> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
    }
}
