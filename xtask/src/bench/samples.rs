//! Measurements of one thing, a number a round.

use std::fmt;

/// What was measured, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The value in the middle; not a number when nothing was measured.
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[count / 2],
            count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
        }
    }

    fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Round by round, how many times the other this is.
    pub(super) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }

    /// The median and the spread, with so many decimals.
    pub(super) fn shown(&self, decimals: usize) -> Shown<'_> {
        Shown { samples: self, decimals }
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Samples about to be written: `12 (10–15)`.
pub(super) struct Shown<'a> {
    samples: &'a Samples,
    decimals: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value| grouped(value, self.decimals);
        let Samples(values) = self.samples;
        match values.as_slice() {
            [] => f.write_str("-"),
            [only] => f.write_str(&number(*only)),
            _ => write!(
                f,
                "{} ({}–{})",
                number(self.samples.median()),
                number(self.samples.least()),
                number(self.samples.most())
            ),
        }
    }
}

/// A number with spaces between thousands.
fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && whole.len() > 4 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::Samples;

    fn check(values: &[f64], decimals: usize, expect: &str) {
        let samples: Samples = values.iter().copied().collect();
        assert_eq!(samples.shown(decimals).to_string(), expect);
    }

    #[test]
    fn median_and_spread() {
        check(&[3.0, 1.0, 2.0], 0, "2 (1–3)");
        check(&[4.0, 1.0, 2.0, 3.0], 1, "2.5 (1.0–4.0)");
        check(&[7.0], 2, "7.00");
        check(&[], 0, "-");
        check(&[12345.6, 999.0, 1_234_567.0], 0, "12 346 (999–1 234 567)");
    }

    #[test]
    fn ratios_are_within_rounds() {
        let a: Samples = [10.0, 100.0].into_iter().collect();
        let b: Samples = [20.0, 100.0].into_iter().collect();
        assert_eq!(a.over(&b).shown(2).to_string(), "0.75 (0.50–1.00)");
    }
}
