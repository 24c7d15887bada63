//! Tells errors of one kind from those of another, whatever ids and numbers their messages name.

use std::hash::Hasher;

/// Eight hexadecimal digits that are the same for errors of one kind: the same function, the same type, and messages
/// that differ in numbers, ids, quoted words and addresses only.
pub fn fingerprint(by: &str, kind: &str, message: &str) -> String {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    for part in [by, kind, &shape(message)] {
        hash.write(part.as_bytes());
        hash.write(&[0xff]);
    }
    let sum = hash.finish();
    format!("{:08x}", (sum >> 32) as u32 ^ (sum & 0xffff_ffff) as u32)
}

/// The message with everything left out that differs from one event to the next.
fn shape(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let mut shape = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let quoted = matches!(first, '\'' | '"' | '`').then(|| rest[1..].find(first)).flatten();
        if let Some(end) = quoted {
            shape.push_str("''");
            rest = &rest[end + 2..];
            continue;
        }
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').unwrap_or(rest.len());
        if word == 0 {
            shape.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(word);
        shape.push_str(if word.bytes().any(|b| b.is_ascii_digit()) { "#" } else { word });
        rest = after;
    }
    shape
}

/// FNV-1a: it must give the same on every machine and in every release.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_numbers_do_not_matter() {
        let same = [
            "order 17 of 'ann' has no price (at 10:00:01)",
            "order 4711 of 'bob' has no price (at 23:59:59)",
            "order 6f0c1d9e-1111-4222-8333-123456789abc of \"x\" has no price (at 1:2:3)\nsecond line",
        ];
        let prints: Vec<_> = same.iter().map(|message| fingerprint("f", "Error", message)).collect();
        assert!(prints.iter().all(|print| *print == prints[0]), "{prints:?}");
        assert_eq!(prints[0].len(), 8);
    }

    #[test]
    fn words_types_and_functions_do() {
        let base = fingerprint("f", "Error", "no price");
        for other in [
            fingerprint("g", "Error", "no price"),
            fingerprint("f", "TypeError", "no price"),
            fingerprint("f", "Error", "no total"),
            fingerprint("fE", "rror", "no price"),
        ] {
            assert_ne!(other, base);
        }
    }

    #[test]
    fn every_text_has_one() {
        for text in ["", "'", "''", "a'", "ünï 'cödé", "\u{1f600}`\u{1f600}"] {
            assert_eq!(fingerprint("", "", text).len(), 8, "{text}");
        }
    }
}
