//! What is wrong with a pattern, where, and what to write instead.

use crate::limits::{PATTERN_DEPTH_MAX, PATTERN_FIELDS_MAX, PATTERN_MAX};

/// A pattern that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}: {}", self.place(), reason.advice())]
pub struct Error {
    path: String,
    reason: Reason,
}

impl Error {
    /// Where in the pattern: `detail.state[0].prefix`; empty when it is the whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong. Its text is AWS's where AWS has one.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The same, found one step further down.
    pub(super) fn under(mut self, step: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }

    fn place(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("`{}`: ", self.path) }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self { path: String::new(), reason }
    }
}

/// Why a pattern is refused, in the words of EventBridge (the messages of its open rule compiler) where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The text is no JSON.
    #[error("Filter is not valid JSON ({0})")]
    Json(String),
    /// The text is JSON, but no object.
    #[error("Filter is not an object")]
    NotObject,
    /// `{}`.
    #[error("Empty objects are not allowed")]
    EmptyObject,
    /// `[]`.
    #[error("Empty arrays are not allowed")]
    EmptyArray,
    /// A field has a bare value.
    #[error("\"{0}\" must be an object or an array")]
    Bare(String),
    /// A list in the list of a field.
    #[error("Match value must be String, number, true, false, or null")]
    Nested,
    /// An operator's object without an operator.
    #[error("Match expression name not found")]
    NoOperator,
    /// An operator's object with two.
    #[error("Only one key allowed in match expression")]
    TwoOperators,
    /// No operator has this name.
    #[error("Unrecognized match type {0}")]
    Unknown(String),
    /// The operator takes a string.
    #[error("{0} match pattern must be a string")]
    NotString(&'static str),
    /// The operator takes no such operator inside.
    #[error("Unsupported {outside} pattern: {inside}")]
    Unsupported {
        /// The operator.
        outside: &'static str,
        /// What stands in it.
        inside: String,
    },
    /// `exists` takes true and false.
    #[error("exists match pattern must be either true or false.")]
    NotBool,
    /// `anything-but` of something else than texts or numbers.
    #[error("Value of anything-but must be an array or single string/number value.")]
    AnythingBut,
    /// `anything-but` of texts and numbers together, or of none.
    #[error("Inside anything but list, either all values are number or string, mixed type is not supported")]
    Mixed,
    /// `anything-but` everything that begins or ends with nothing.
    #[error("Null prefix/suffix not allowed")]
    EmptyAffix,
    /// `numeric` says no comparison.
    #[error("{0}")]
    Numeric(String),
    /// `cidr` names no network.
    #[error("{0}")]
    Cidr(String),
    /// `**`.
    #[error("Consecutive wildcard characters at pos {0}")]
    WildcardTwice(usize),
    /// A backslash before something else than `*` and `\`.
    #[error("Invalid escape character at pos {0}")]
    WildcardEscape(usize),
    /// A `wildcard` with too many wildcard characters.
    #[error(
        "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"
    )]
    WildcardComplex,
    /// Too many fields, or branches of `$or` that multiply.
    #[error("Rule is too complex - it comes to more than {PATTERN_FIELDS_MAX} fields")]
    TooManyFields,
    /// Objects in objects in objects.
    #[error("Rule is nested more than {PATTERN_DEPTH_MAX} levels deep")]
    TooDeep,
    /// The text is too long.
    #[error("Filter is longer than {PATTERN_MAX} characters")]
    TooLong,
}

impl Reason {
    /// What to write instead.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::NotObject => r#"write a JSON object, as in {"source": ["orders"]}"#,
            Self::EmptyObject => r#"name a field in it, as in {"state": ["open"]}"#,
            Self::EmptyArray => r#"list the values to match; [null] matches null, [""] the empty string"#,
            Self::Bare(_) => "put the value in a list, as in [\"open\"]",
            Self::Nested => "write the values side by side in one list",
            Self::NoOperator => r#"write an operator, as in {"prefix": "eu-"}"#,
            Self::TwoOperators => "write one object for each operator, side by side in the list",
            Self::Unknown(_) => {
                "use prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr or exists"
            }
            Self::NotString(_) => r#"write a string, as in {"prefix": "eu-"}"#,
            Self::Unsupported { outside: "anything-but", .. } => {
                "use prefix, suffix, equals-ignore-case or wildcard inside anything-but"
            }
            Self::Unsupported { .. } => {
                r#"use equals-ignore-case, as in {"prefix": {"equals-ignore-case": "eu-"}}"#
            }
            Self::NotBool => r#"write {"exists": true} or {"exists": false}"#,
            Self::AnythingBut => r#"write what to leave out, as in {"anything-but": ["open", "closed"]}"#,
            Self::Mixed => "write one anything-but of strings only or of numbers only",
            Self::EmptyAffix => "write at least one character",
            Self::Numeric(_) => r#"write a comparison, as in {"numeric": [">", 0, "<=", 5]}"#,
            Self::Cidr(_) => r#"write a network, as in {"cidr": "10.0.0.0/24"} or {"cidr": "2001:db8::/32"}"#,
            Self::WildcardTwice(_) => r"write one `*`; `\*` is the character itself",
            Self::WildcardEscape(_) => r"only `\*` and `\\` are known; in JSON each backslash is doubled",
            Self::WildcardComplex => "use at most five `*`",
            Self::TooManyFields => "use fewer fields, or fewer branches of `$or` that name the same fields",
            Self::TooDeep => "use fewer levels",
            Self::TooLong => "split it into several filters or rules",
        }
    }
}
