//! Reading the closing lines of the test runner.

/// How many tests passed, when this is such a line.
pub(super) fn passed(line: &str) -> Option<u64> {
    let counts = line.trim().strip_prefix("test result: ")?.split_once(". ")?.1;
    counts.split("; ").find_map(|count| count.strip_suffix(" passed")?.parse().ok())
}

#[cfg(test)]
mod tests {
    fn check(line: &str, expect: Option<u64>) {
        assert_eq!(super::passed(line), expect, "{line:?}");
    }

    #[test]
    fn closing_lines_are_counted() {
        check(
            "test result: ok. 17 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.10s\n",
            Some(17),
        );
        check("test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out", Some(3));
        check("test result: ok. 0 passed; 0 failed", Some(0));
    }

    #[test]
    fn other_lines_are_not() {
        check("running 17 tests", None);
        check("test a::test_result ... ok", None);
        check("12 passed", None);
        check("", None);
    }
}
