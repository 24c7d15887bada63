//! Rules for every text file.

use super::{File, Finding};

/// No blanks at the end of a line; one newline at the end of a file.
pub(super) fn ends_and_blanks(file: &File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        if line.ends_with([' ', '\t', '\r']) {
            findings.push(file.finding(number, "trailing blank", "end the line at its last letter"));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(file.finding(file.text.lines().count(), "final newline", "end the last line too"));
    }
    findings
}

/// Folders of the machines that the project is written on. They are spelled apart, so that this file passes.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/tmp/ba", "sh_jobs")];

/// Nothing in the project knows the machine that it was written on.
pub(super) fn machine_paths(file: &File<'_>) -> Vec<Finding> {
    let starts_a_path =
        |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || "._-/}*".contains(c));
    let named = |line: &str| {
        let mut places = MACHINE_PATHS.iter().flat_map(|path| line.match_indices(path));
        places.any(|(at, _)| starts_a_path(&line[..at]))
    };
    (1..)
        .zip(file.text.lines())
        .filter(|(_, line)| named(line))
        .map(|(number, _)| {
            file.finding(number, "machine path", "write a path of the project, or take it from outside")
        })
        .collect()
}

/// Words for what is left to do.
const LOOSE_ENDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// The word for something left to do, when a line has one.
pub(super) fn loose_end(line: &str) -> Option<&'static str> {
    let words = || line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    LOOSE_ENDS.iter().find(|end| words().any(|word| word == **end)).copied()
}

/// Nothing is left to do in programs and settings; for Rust, where strings may say anything, see `rust::loose_ends`.
pub(super) fn loose_ends(file: &File<'_>) -> Vec<Finding> {
    let program =
        matches!(file.extension(), "py" | "js" | "cjs" | "mjs" | "ts" | "tsx" | "go" | "sh" | "toml" | "yml");
    if !program {
        return Vec::new();
    }
    let found = |(number, line): (usize, &str)| Some((number, loose_end(line)?));
    (1..)
        .zip(file.text.lines())
        .filter_map(found)
        .map(|(number, word)| loose_end_finding(file, number, word))
        .collect()
}

pub(super) fn loose_end_finding(file: &File<'_>, number: usize, word: &str) -> Finding {
    file.finding(
        number,
        "loose end",
        format!("do it now or open an issue; `{word}` in the code is read by nobody"),
    )
}

/// AWS's name for a source that is read for a function, however it is written.
const AWS_WORD: &str = "eventsourcemapping";

/// Words of AWS stay at the edge that speaks with AWS's clients.
pub(super) fn aws_words(file: &File<'_>) -> Vec<Finding> {
    let inside = file.path.starts_with("crates/") || file.path.starts_with("console/");
    let edge = file.path.starts_with("crates/aws/") || file.path.starts_with("crates/manifest/src/sam");
    if !inside || edge {
        return Vec::new();
    }
    let plain = |line: &str| line.to_lowercase().replace([' ', '_', '-'], "");
    (1..)
        .zip(file.text.lines())
        .filter(|(_, line)| plain(line).contains(AWS_WORD))
        .map(|(number, _)| file.finding(number, "AWS word", "say `source`, or move it to crates/aws"))
        .collect()
}
