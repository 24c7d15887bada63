//! What the figures were measured with: a figure without that is worth nothing.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::process;

/// This machine and this source.
pub(super) struct Machine {
    pub(super) commit: String,
    pub(super) date: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    pub(super) processor: String,
    pub(super) node: String,
}

/// What the HTTP bench measures with.
pub(super) struct Tools {
    pub(super) wrk: String,
    /// Names and versions of what Lambent is compared with.
    pub(super) packages: Vec<String>,
}

impl Machine {
    /// Looks around.
    ///
    /// # Errors
    /// When something does not tell what it is.
    pub(super) fn here() -> anyhow::Result<Self> {
        Ok(Self {
            commit: commit()?,
            date: process::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            processor: processor(&fs::read_to_string("/proc/cpuinfo")?)
                .unwrap_or_else(|| "unknown".to_owned()),
            node: process::output(Command::new("node").arg("--version"))?.trim().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commit, cores, kernel, processor, node, .. } = self;
        write!(f, "Commit: {commit}. Machine: {cores} cores of {processor}, Linux {kernel}. Node.js {node}")
    }
}

impl Tools {
    /// Asks them for their versions.
    ///
    /// # Errors
    /// When one does not tell.
    pub(super) fn here() -> anyhow::Result<Self> {
        Ok(Self { wrk: wrk()?, packages: packages()? })
    }
}

/// The commit, and whether the source differs from it.
fn commit() -> anyhow::Result<String> {
    let changed = !process::output(Command::new("git").args(["status", "--porcelain"]))?.is_empty();
    let mark = if changed { " and what is not committed" } else { "" };
    // A project that has no commit yet has no HEAD.
    let commit = process::output(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]));
    Ok(commit.map_or_else(|_| "no commit".to_owned(), |commit| format!("`{}`", commit.trim())) + mark)
}

fn processor(cpuinfo: &str) -> Option<String> {
    let (_, name) = cpuinfo.lines().find(|line| line.starts_with("model name"))?.split_once(": ")?;
    Some(name.trim().to_owned())
}

/// wrk tells its version together with its usage, and fails.
fn wrk() -> anyhow::Result<String> {
    let output = Command::new("wrk").arg("--version").output().context("cannot start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    Ok(words.join(" "))
}

fn packages() -> anyhow::Result<Vec<String>> {
    let path = Path::new("benches/http/package.json");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(path)?)?;
    let dependencies = manifest["dependencies"].as_object().context("the bench has no packages")?;
    Ok(dependencies
        .iter()
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or("?")))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::processor;

    #[test]
    fn the_processor_is_named() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: A Processor @ 2.00GHz\n\nprocessor\t: 1\nmodel name\t: B\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("A Processor @ 2.00GHz"));
        assert_eq!(processor(""), None);
    }
}
