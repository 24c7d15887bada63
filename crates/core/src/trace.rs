//! The `X-Amzn-Trace-Id` header: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0|1` (semantics.md 8.3).

use std::fmt;

use crate::Timestamp;

/// A trace header, as it travels from the caller to the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceHeader(String);

/// Longest trace header that is taken from a caller, in bytes.
const LENGTH_MAX: usize = 500;

/// What the list of visits begins with.
const LINEAGE: &str = "Lineage=";

/// Most functions in a list of visits.
const LINEAGE_MAX: usize = 16;

impl TraceHeader {
    /// Starts a trace at `now`. It is not sampled: nobody upstream asked for it.
    pub fn start(now: Timestamp, random: u128) -> Self {
        let unique = random & ((1 << 96) - 1);
        Self(format!("Root=1-{:08x}-{unique:024x};Parent={:016x};Sampled=0", now.as_secs() & 0xffff_ffff, {
            // The bits that the root leaves, folded so that they are never all zero.
            (random >> 64) as u64 | 1
        }))
    }

    /// Takes a caller's header if it names a root; `None` when it does not, and a new trace is to be started.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|b| (0x20..0x7f).contains(&b));
        let names_root = |part: &str| part.trim().strip_prefix("Root=").is_some_and(is_root);
        (text.len() <= LENGTH_MAX && visible && text.split(';').any(names_root))
            .then(|| Self(text.to_owned()))
    }

    /// How often the chain of events that this trace is part of has come to `function` (the header's `Lineage`, a
    /// list of `hash:count`; semantics.md 2.1, "Recursion detection").
    pub fn visits(&self, function: &str) -> u32 {
        let hash = short_hash(function);
        self.lineage().find(|(of, _)| *of == hash).map_or(0, |(_, count)| count)
    }

    /// The same trace after one more visit to `function`.
    #[must_use]
    pub fn visit(&self, function: &str) -> Self {
        let hash = short_hash(function);
        let mut lineage: Vec<(&str, u32)> = self.lineage().filter(|(of, _)| *of != hash).collect();
        lineage.push((&hash, self.visits(function) + 1));
        // A caller's header may be long: the newest visits are what a loop is found by.
        let kept = lineage.len().saturating_sub(LINEAGE_MAX);
        let lineage: Vec<_> = lineage[kept..].iter().map(|(of, count)| format!("{of}:{count}")).collect();
        let others = self.0.split(';').filter(|part| !part.trim().starts_with(LINEAGE));
        let mut text = others.collect::<Vec<_>>().join(";");
        text.push(';');
        text.push_str(LINEAGE);
        text.push_str(&lineage.join("|"));
        Self(text)
    }

    fn lineage(&self) -> impl Iterator<Item = (&str, u32)> {
        let part = self.0.split(';').find_map(|part| part.trim().strip_prefix(LINEAGE)).unwrap_or_default();
        part.split('|').filter_map(|visit| {
            let (of, count) = visit.split_once(':')?;
            Some((of, count.parse().ok()?))
        })
    }

    /// The header's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Eight hexadecimal digits for a function's name (FNV-1a).
fn short_hash(name: &str) -> String {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

fn is_root(text: &str) -> bool {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    let mut parts = text.split('-');
    let root = parts.next() == Some("1")
        && parts.next().is_some_and(|time| hex(time, 8))
        && parts.next().is_some_and(|unique| hex(unique, 24));
    root && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_trace_reads_back() {
        let trace = TraceHeader::start(Timestamp::from_millis(1_770_112_800_000), u128::MAX / 3);
        assert!(trace.as_str().starts_with("Root=1-6981c720-"), "{trace}");
        assert!(trace.as_str().ends_with(";Sampled=0"));
        assert_eq!(TraceHeader::parse(trace.as_str()), Some(trace));
    }

    #[test]
    fn visits_are_counted_for_each_function() {
        let trace = TraceHeader::parse("Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Sampled=1").unwrap();
        let trace = trace.visit("a").visit("b").visit("a");
        assert_eq!((trace.visits("a"), trace.visits("b"), trace.visits("c")), (2, 1, 0));
        assert!(trace.as_str().starts_with("Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Sampled=1;Lineage="));
        assert_eq!(TraceHeader::parse(trace.as_str()), Some(trace.clone()));
        let long = (0..100).fold(trace, |trace, i| trace.visit(&format!("f{i}")));
        assert_eq!(long.visits("f99"), 1);
        assert!(TraceHeader::parse(long.as_str()).is_some(), "{} bytes", long.as_str().len());
    }

    #[test]
    fn only_headers_with_a_root_are_taken() {
        let root = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c";
        for good in [root.to_owned(), format!("Self=1-x;{root};Lineage=1:ab:0"), format!("{root}; Sampled=?")]
        {
            assert!(TraceHeader::parse(&good).is_some(), "{good}");
        }
        for bad in [
            "",
            "Sampled=1",
            "Root=1-5e9f0c65",
            "Root=2-5e9f0c65-1de4d666d4dd26aced652b6c",
            &format!("{root}\n"),
        ] {
            assert!(TraceHeader::parse(bad).is_none(), "{bad}");
        }
    }
}
