//! `numeric`: comparisons of numbers by their value.

use serde_json::Value;

/// One comparison, or two that bound a range.
#[derive(Clone, Debug)]
pub(super) struct Range {
    comparisons: Vec<(Comparison, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Range {
    /// Reads `[">", 0, "<=", 5]`: one comparison, or a lower bound and then a greater upper one (semantics.md 4.6).
    ///
    /// # Errors
    /// What is wrong, in AWS's words.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let Value::Array(terms) = value else { return Err("Value of numeric must be an array.".to_owned()) };
        let mut terms = terms.iter();
        let Some(first) = terms.next() else { return Err("Invalid member in numeric match: ]".to_owned()) };
        let name =
            first.as_str().ok_or_else(|| format!("Invalid member in numeric match: {}", short(first)))?;
        let comparison = Comparison::named(name)
            .ok_or_else(|| format!("Unrecognized numeric range operator: {}", short(first)))?;
        let bottom = operand(name, terms.next())?;
        let Some(second) = terms.next() else { return Ok(Self { comparisons: vec![(comparison, bottom)] }) };
        if !matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual) {
            return Err("Too many elements in numeric expression".to_owned());
        }
        let name = second.as_str().ok_or_else(|| format!("Bad value in numeric range: {}", short(second)))?;
        let upper = Comparison::named(name)
            .filter(|upper| matches!(upper, Comparison::Less | Comparison::LessOrEqual))
            .ok_or_else(|| format!("Bad numeric range operator: {}", short(second)))?;
        let top = operand(name, terms.next())?;
        if bottom >= top {
            return Err("Bottom must be less than top".to_owned());
        }
        if terms.next().is_some() {
            return Err("Too many terms in numeric range expression".to_owned());
        }
        Ok(Self { comparisons: vec![(comparison, bottom), (upper, top)] })
    }

    /// Whether a number is in the range.
    pub(super) fn contains(&self, number: f64) -> bool {
        self.comparisons.iter().all(|(comparison, bound)| match comparison {
            Comparison::Equal => number == *bound,
            Comparison::Less => number < *bound,
            Comparison::LessOrEqual => number <= *bound,
            Comparison::Greater => number > *bound,
            Comparison::GreaterOrEqual => number >= *bound,
        })
    }
}

impl Comparison {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }
}

fn operand(comparison: &str, value: Option<&Value>) -> Result<f64, String> {
    let name = if comparison == "=" { "equals" } else { comparison };
    value.and_then(Value::as_f64).ok_or_else(|| format!("Value of {name} must be numeric"))
}

/// A value as a message shows it.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().take(64).collect(),
        Value::Array(_) => "[".to_owned(),
        Value::Object(_) => "{".to_owned(),
        plain => plain.to_string(),
    }
}
