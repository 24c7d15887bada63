//! What somebody may have meant, and how their words are quoted.

/// Longest word that is compared; no key is nearly as long.
const WORD_MAX: usize = 40;

/// The one of `known` that `word` was probably meant to be.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str> + Clone) -> Option<&'k str> {
    if word.len() > WORD_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('_', "-");
    let close = |candidate: &str| {
        let distance = distance(&word, candidate);
        (distance <= (candidate.len() / 3).max(1) && distance < word.len()).then_some(distance)
    };
    let by_typo = known.clone().filter_map(|candidate| Some((close(candidate)?, candidate))).min();
    let begins = |long: &str, short: &str| short.len() > 2 && long.starts_with(short);
    by_typo
        .map(|(_, candidate)| candidate)
        .or_else(|| known.clone().find(|candidate| begins(candidate, &word) || begins(&word, candidate)))
}

/// The text in double quotes as TOML writes it, cut where it is long.
pub(crate) fn quote(text: &str) -> String {
    let mut shown: String = text.chars().take(WORD_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Characters to insert, delete, replace or swap with their neighbour to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_words() {
        let known =
            ["runtime", "code", "timeout", "memory", "tmp", "environment", "http", "keep-alive", "key"];
        let check = |word: &str, expect: Option<&str>| {
            assert_eq!(nearest(word, known.into_iter()), expect, "{word}");
        };
        check("timout", Some("timeout"));
        check("tiemout", Some("timeout"));
        check("Timeout", Some("timeout"));
        check("keep_alive", Some("keep-alive"));
        check("KeepAlive", Some("keep-alive"));
        check("env", Some("environment"));
        check("memory-size", Some("memory"));
        check("htpp", Some("http"));
        check("xyz", None);
        check("a", None);
        check("", None);
        check(&"timeout".repeat(1000), None);
    }

    #[test]
    fn quoted_words() {
        assert_eq!(quote("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(quote(&"ü".repeat(100)), format!("\"{}…\"", "ü".repeat(40)));
    }
}
