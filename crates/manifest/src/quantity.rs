//! Durations and sizes, always with their unit: a plain number has been read wrongly by somebody already.

use std::time::Duration;

use toml::de::DeValue;

use crate::fault::{Fault, Read};
use crate::node::Node;
use crate::suggest::quote;

/// What a quantity may be, and what it is when the manifest does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds<T> {
    pub(crate) least: T,
    pub(crate) most: T,
    pub(crate) default: T,
}

/// Milliseconds of each unit of time.
const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// MiB of each unit of memory. A MB of memory is 1024 * 1024 bytes, as in Lambda.
const SIZES: &[(&str, u64)] = &[("MB", 1), ("MiB", 1), ("GB", 1024), ("GiB", 1024)];

/// Bytes of each unit of data.
const BYTES: &[(&str, u64)] =
    &[("B", 1), ("KB", 1024), ("KiB", 1024), ("MB", 1024 * 1024), ("MiB", 1024 * 1024)];

/// Reads a duration, as in `"3s"`.
pub(crate) fn duration(node: &Node<'_>, bounds: &Bounds<Duration>) -> Read<Duration> {
    let what = "a duration, as in \"500ms\", \"3s\", \"5m\", \"1h\" or \"4d\"";
    let words = Words { what, units: TIMES, plain: "s" };
    words.read(node, bounds, |millis| Some(Duration::from_millis(millis)), time)
}

/// Reads a size in MiB, as in `"256MB"`.
pub(crate) fn size(node: &Node<'_>, bounds: &Bounds<u32>) -> Read<u32> {
    let words = Words { what: "a size, as in \"256MB\" or \"1GB\"", units: SIZES, plain: "MB" };
    words.read(node, bounds, |size| u32::try_from(size).ok(), mib)
}

/// Reads a size in bytes, as in `"256KB"`.
pub(crate) fn bytes(node: &Node<'_>, bounds: &Bounds<usize>) -> Read<usize> {
    let words = Words { what: "a size, as in \"256KB\" or \"1MB\"", units: BYTES, plain: "B" };
    words.read(node, bounds, |size| usize::try_from(size).ok(), data)
}

/// A duration as the manifest writes it.
pub(crate) fn time(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0 => "0s".to_owned(),
        _ => in_largest_unit(millis, TIMES),
    }
}

/// A size as the manifest writes it.
pub(crate) fn mib(size: u32) -> String {
    in_largest_unit(u64::from(size), &[SIZES[0], SIZES[2]])
}

/// A size in bytes as the manifest writes it.
pub(crate) fn data(size: usize) -> String {
    in_largest_unit(size as u64, &[BYTES[0], BYTES[1], BYTES[3]])
}

fn in_largest_unit(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().rev().find(|(_, factor)| amount.is_multiple_of(*factor) && amount >= *factor);
    let (unit, factor) = fits.unwrap_or(&units[0]);
    format!("{}{unit}", amount / factor)
}

/// How a kind of quantity is written.
struct Words {
    what: &'static str,
    units: &'static [(&'static str, u64)],
    /// The unit that a plain number was probably meant in.
    plain: &'static str,
}

impl Words {
    fn read<T: PartialOrd + Copy>(
        &self,
        node: &Node<'_>,
        bounds: &Bounds<T>,
        convert: fn(u64) -> Option<T>,
        show: fn(T) -> String,
    ) -> Read<T> {
        if let DeValue::Integer(number) = node.value {
            let fault = node.spot.fault(format!("must be {}, but has no unit", self.what));
            return Err(self.better(&number.to_string()).into_iter().fold(fault, Fault::suggest).into());
        }
        let text = node.text(self.what)?;
        let Some(amount) = self.amount(text) else {
            let fault = node.spot.fault(format!("{} is not {}", quote(text), self.what));
            return Err(self.better(text).into_iter().fold(fault, Fault::suggest).into());
        };
        let value = amount.and_then(convert);
        if value.is_none_or(|value| value > bounds.most) {
            return Err(node.spot.fault(format!("{text} is too much: at most {}", show(bounds.most))).into());
        }
        match value.filter(|value| *value >= bounds.least) {
            Some(value) => Ok(value),
            None => {
                Err(node.spot.fault(format!("{text} is too little: at least {}", show(bounds.least))).into())
            }
        }
    }

    /// The amount in the smallest unit, `Some(None)` when it is beyond all bounds, `None` when it is none.
    fn amount(&self, text: &str) -> Option<Option<u64>> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        // Twenty digits hold every u64; a longer number would only be echoed in a message.
        if digits == 0 || digits > 20 {
            return None;
        }
        let (number, unit) = text.split_at(digits);
        let (_, factor) = self.units.iter().find(|(name, _)| *name == unit)?;
        Some(number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor)))
    }

    /// What to write where only the unit is wrong: it is missing, set apart, or in other capitals.
    fn better(&self, text: &str) -> Option<String> {
        let text = text.replace(' ', "");
        let (number, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let unit = match unit {
            "" => self.plain,
            _ => self.units.iter().map(|(name, _)| *name).find(|name| name.eq_ignore_ascii_case(unit))?,
        };
        let better = format!("{number}{unit}");
        self.amount(&better).map(|_| format!("write \"{better}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_in_the_largest_unit() {
        let check = |millis, expect: &str| assert_eq!(time(Duration::from_millis(millis)), expect);
        check(0, "0s");
        check(1, "1ms");
        check(1500, "1500ms");
        check(3000, "3s");
        check(90_000, "90s");
        check(900_000, "15m");
        check(86_400_000, "1d");
        check(90_000_000, "25h");
        check(345_600_000, "4d");
        assert_eq!(
            [mib(1), mib(512), mib(1024), mib(1536), mib(10_240)],
            ["1MB", "512MB", "1GB", "1536MB", "10GB"]
        );
        assert_eq!(
            [data(1000), data(1024), data(262_144), data(1_048_576)],
            ["1000B", "1KB", "256KB", "1MB"]
        );
    }
}
