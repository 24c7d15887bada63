//! What is wrong with a path or a template, and where.

use crate::limits::{TEMPLATE_MAX, TEMPLATE_PATHS_MAX};

/// A path that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {reason} at character {at}: write it as in $.detail.items[0].id or $.detail['a key']")]
pub struct PathError {
    /// The path.
    pub path: String,
    /// The place, counted from 1.
    pub at: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// A template that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One of its paths is none.
    #[error("<{name}> is {error}")]
    Path {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        error: PathError,
    },
    /// One of its paths is called something that cannot stand in a template.
    #[error(
        "`{0}` cannot be the name of a path: use letters, digits, `-` and `_`; names that begin with `AWS.` are taken"
    )]
    Name(String),
    /// A placeholder stands for nothing.
    #[error(
        "<{name}> at character {at} of the template stands for nothing: give it a path, or write \\<{name}\\>"
    )]
    Unknown {
        /// Its name.
        name: String,
        /// The place, counted from 1.
        at: usize,
    },
    /// What comes out would not be JSON.
    #[error(
        "the template is no JSON ({0}): put texts in quotes, and placeholders of objects outside of them"
    )]
    NotJson(String),
    /// It is empty.
    #[error("the template is empty")]
    Empty,
    /// It is too long.
    #[error("the template has more than {TEMPLATE_MAX} characters")]
    TooLong,
    /// It has too many paths.
    #[error("the template has more than {TEMPLATE_PATHS_MAX} paths")]
    TooManyPaths,
}
