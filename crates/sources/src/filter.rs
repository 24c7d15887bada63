//! Which records a function wants (semantics.md 4.6).

use lambent_core::SourceSpec;
use lambent_core::pattern::Pattern;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::status::name_of;

/// The filters of a source; a record that one of them takes is taken.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    patterns: Vec<Pattern>,
}

impl Filter {
    /// Reads the filters of a source.
    pub(crate) fn of(spec: &SourceSpec) -> Result<Self> {
        let parse = |filter: &String| {
            Pattern::parse(filter).map_err(|error| Error::Filter {
                source_name: name_of(spec),
                filter: filter.clone(),
                error,
            })
        };
        Ok(Self { patterns: spec.filters.iter().map(parse).collect::<Result<_>>()? })
    }

    /// Whether a record is taken. Its document is made only if there is a filter.
    pub(crate) fn takes(&self, document: impl FnOnce() -> Value) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        let document = document();
        self.patterns.iter().any(|pattern| pattern.matches(&document))
    }
}

/// What filters see of data that may be JSON: the object or array that it is, otherwise the text. A number or a
/// quoted text by itself stays text, because a rule for plain text is what its author must have meant.
pub(crate) fn data(text: &str) -> Value {
    let structured = text.trim_start().starts_with(['{', '[']);
    let parsed = structured.then(|| serde_json::from_str(text).ok()).flatten();
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}
