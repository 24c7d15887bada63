//! What people write on the command line: durations, attributes, bodies.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use anyhow::Context;

use crate::admin::view::Attribute;

/// Units of a duration, in milliseconds.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration, as in `5s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and a unit, as in 500ms, 5s, 2m or 1h".to_owned();
    let (digits, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(|| "that is too long".to_owned())
}

/// A duration in whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads `NAME=VALUE`, or `NAME:Number=VALUE`.
pub(super) fn attribute(text: &str) -> Result<(String, Attribute), String> {
    let wrong = || "write NAME=VALUE, or NAME:Number=VALUE".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let (name, kind) = name.split_once(':').unwrap_or((name, "String"));
    if name.is_empty() || value.is_empty() {
        return Err(wrong());
    }
    match kind.split('.').next() {
        Some("String" | "Number") => Ok((name.to_owned(), Attribute::text(kind, value))),
        _ => Err(format!("`{kind}` is no type of an attribute here: use String or Number")),
    }
}

/// A text as it is written; `-` reads standard input. `what` says what it is.
pub(super) fn text_or_stdin(text: &str, what: &str) -> anyhow::Result<Vec<u8>> {
    if text != "-" {
        return Ok(text.as_bytes().to_vec());
    }
    if std::io::stdin().is_terminal() {
        eprintln!("reading {what} from the terminal; end it with Ctrl-D");
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes)
}

/// The only version that there is in this release.
pub(super) fn version(text: &str) -> Result<String, String> {
    match text {
        "$LATEST" => Ok(text.to_owned()),
        _ => Err("versions of functions come with a later release: the only one is $LATEST, which is also \
                  what runs without --version"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(duration(text).ok(), expect.map(Duration::from_millis), "{text}");
        };
        check("5s", Some(5000));
        check("500ms", Some(500));
        check("0s", Some(0));
        check("2m", Some(120_000));
        check("1d", Some(86_400_000));
        for bad in
            ["", "5", "s", "-5s", "5 s", "5S", "1.5s", "99999999999999999999s", "18446744073709551615d"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn attributes() {
        let check = |text: &str, expect: Option<(&str, &str, &str)>| {
            let expect = expect.map(|(name, kind, value)| (name.to_owned(), Attribute::text(kind, value)));
            assert_eq!(attribute(text).ok(), expect, "{text}");
        };
        check("kind=order", Some(("kind", "String", "order")));
        check("a=b=c", Some(("a", "String", "b=c")));
        check("price:Number=1.5", Some(("price", "Number", "1.5")));
        check("price:Number.int=1", Some(("price", "Number.int", "1")));
        for bad in ["kind", "=x", "kind=", "kind:Binary=x", ":Number=1"] {
            check(bad, None);
        }
    }

    #[test]
    fn versions_are_of_a_later_release() {
        assert!(version("$LATEST").is_ok());
        assert!(version("7").unwrap_err().contains("later release"));
    }
}
