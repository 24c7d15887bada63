//! Rules for Rust files.

use super::code::Lines;
use super::text::{loose_end, loose_end_finding};
use super::{File, Finding};

/// Most lines of a file, tests not counted.
const LINES_MAX: usize = 600;

fn lines(file: &File<'_>) -> Option<Lines> {
    (file.extension() == "rs").then(|| Lines::of(file.path, file.text))
}

/// A file has one idea.
pub(super) fn length(file: &File<'_>) -> Vec<Finding> {
    let Some(lines) = lines(file) else { return Vec::new() };
    let count = lines.shipped().count();
    if count <= LINES_MAX {
        return Vec::new();
    }
    let instead = format!("{count} lines without tests, {LINES_MAX} are the most: split it by its ideas");
    vec![file.finding(1, "file length", instead)]
}

/// Words that say nothing of what a type is.
const EMPTY_WORDS: &[&str] = &["Manager", "Helper", "Helpers", "Util", "Utils", "Impl", "Base"];
const KEYWORDS: &[&str] = &["struct", "enum", "trait", "type", "union", "mod"];

/// A type is called for what it is.
pub(super) fn names(file: &File<'_>) -> Vec<Finding> {
    let Some(lines) = lines(file) else { return Vec::new() };
    let mut findings = Vec::new();
    for (number, line) in lines.numbered() {
        let words: Vec<&str> = line
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            if KEYWORDS.contains(&pair[0])
                && let Some(word) = empty_word(pair[1])
            {
                let instead = format!("`{}`: call it for what it does, without `{word}`", pair[1]);
                findings.push(file.finding(number, "name", instead));
            }
        }
    }
    findings
}

/// The empty word that a name is or ends in: `FooManager`, `foo_manager`, `Manager`, but not `Database`.
fn empty_word(name: &str) -> Option<&'static str> {
    let last_snake = name.rsplit('_').next().unwrap_or(name);
    let camel = last_snake.rfind(char::is_uppercase).unwrap_or(0);
    let last = &last_snake[camel..];
    EMPTY_WORDS.iter().find(|word| word.eq_ignore_ascii_case(last)).copied()
}

/// What stands for code that is not there, and tests that are not run.
const MISSING: &[(&str, &str)] = &[
    ("todo!", "write it, or refuse what asks for it with an error that says so"),
    ("unimplemented!", "write it, or refuse what asks for it with an error that says so"),
    ("#[ignore", "run it, or assert the wrong behaviour and say that it is wrong"),
];

/// Nothing is left to do.
pub(super) fn loose_ends(file: &File<'_>) -> Vec<Finding> {
    let Some(lines) = lines(file) else { return Vec::new() };
    let mut findings = Vec::new();
    for (number, line) in lines.numbered() {
        for (what, instead) in MISSING {
            if line.contains(what) {
                findings.push(file.finding(number, "loose end", *instead));
            }
        }
    }
    for (number, comment) in (1..).zip(&lines.comments) {
        if let Some(word) = loose_end(comment) {
            findings.push(loose_end_finding(file, number, word));
        }
    }
    findings
}

/// What cannot fail says why.
pub(super) fn unwraps(file: &File<'_>) -> Vec<Finding> {
    let Some(lines) = lines(file) else { return Vec::new() };
    let instead = "return the error, or `expect(\"why it cannot fail\")`";
    let found = lines.shipped().filter(|(_, line)| line.contains(".unwrap()"));
    found.map(|(number, _)| file.finding(number, "unwrap", instead)).collect()
}

/// A lint is silenced where it fires, with a reason, and comes back when it no longer fires.
pub(super) fn allows(file: &File<'_>) -> Vec<Finding> {
    let Some(lines) = lines(file) else { return Vec::new() };
    let found = lines.numbered().filter(|(_, line)| line.contains("#[allow(") || line.contains("#![allow("));
    found
        .map(|(number, _)| file.finding(number, "allow", "write `#[expect(lint, reason = \"...\")]`"))
        .collect()
}
