//! Percent-encoding, read leniently: what is no escape stands for itself, as in API Gateway.

use std::borrow::Cow;

/// A path segment's value.
pub(crate) fn percent(text: &str) -> Cow<'_, str> {
    if text.contains('%') { decode(text) } else { Cow::Borrowed(text) }
}

/// A query's names and values, where `+` is a space too.
fn form(text: &str) -> Cow<'_, str> {
    if text.contains(['%', '+']) { decode(&text.replace('+', " ")).into_owned().into() } else { text.into() }
}

/// A query's names and values, ordered by name; values of one name keep their order.
pub(super) fn query(text: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let mut pairs = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form(name), form(value))
        })
        .collect::<Vec<_>>();
    // Sorting finds what belongs together without a map, and in any number of names.
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    pairs
}

fn decode(text: &str) -> Cow<'_, str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = (byte == b'%').then(|| Some((hex(*after.first()?)?, hex(*after.get(1)?)?)));
        if let Some(Some((high, low))) = escape {
            bytes.push(high << 4 | low);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
        .into()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes() {
        let check = |text: &str, expect: &str| assert_eq!(super::percent(text), expect);
        check("plain", "plain");
        check("a%20b+c", "a b+c");
        check("%e2%82%AC", "€");
        check("100%", "100%");
        check("%4", "%4");
        check("%zz%41", "%zzA");
        check("%ff", "\u{fffd}");
        check("%00", "\0");
    }

    #[test]
    fn queries() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let pairs = super::query(text);
            let pairs = pairs.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>();
            assert_eq!(pairs, expect, "{text}");
        };
        check("", &[]);
        check("&&", &[]);
        check("a=1&a=2&b=", &[("a", "1"), ("a", "2"), ("b", "")]);
        check("b&a=x=y", &[("a", "x=y"), ("b", "")]);
        check("b=2&a=1&b=1", &[("a", "1"), ("b", "2"), ("b", "1")]);
        check("q=a+b%2Bc&%71=2", &[("q", "a b+c"), ("q", "2")]);
        check("=v", &[("", "v")]);
    }
}
