//! `cargo xtask tidy`: the house rules that no compiler knows. Each finding says what to do instead.

mod code;
mod crates;
mod locks;
mod rust;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::fs;
use std::process::Command;

use anyhow::{Context, bail};

use crate::process;

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    instead: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.instead)
    }
}

/// A text file of the project.
struct File<'a> {
    path: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(self.path);
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    fn finding(&self, line: usize, rule: &'static str, instead: impl Into<String>) -> Finding {
        Finding { path: self.path.to_owned(), line, rule, instead: instead.into() }
    }
}

/// The rules; a new one is a function and a line here.
const RULES: &[fn(&File<'_>) -> Vec<Finding>] = &[
    text::ends_and_blanks,
    text::machine_paths,
    text::loose_ends,
    text::aws_words,
    rust::length,
    rust::names,
    rust::loose_ends,
    rust::unwraps,
    rust::allows,
    crates::direction,
    locks::no_hosts,
];

/// Checks every file that git knows or would take.
///
/// # Errors
/// When a rule is broken.
pub(crate) fn run() -> anyhow::Result<()> {
    let list = process::output(Command::new("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]))?;
    let mut findings = Vec::new();
    let mut files = 0;
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        // A file that is deleted and not yet committed is still on git's list; a link is checked where it leads.
        if !fs::symlink_metadata(path).is_ok_and(|file| file.is_file()) {
            continue;
        }
        let bytes = fs::read(path).with_context(|| format!("cannot read {path}"))?;
        files += 1;
        if let Ok(text) = std::str::from_utf8(&bytes)
            && !text.contains('\0')
        {
            findings.extend(examine(&File { path, text }));
        }
    }
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {files} files, nothing found");
            Ok(())
        }
        count => bail!("{count} findings in {files} files"),
    }
}

/// Everything that a file has against it, from top to bottom.
fn examine(file: &File<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(file)).collect();
    findings.sort_by_key(|finding| finding.line);
    findings
}
