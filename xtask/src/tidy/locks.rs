//! Lock files name packages and their hashes, not the host that one of us installed them from.

use super::{File, Finding};

/// No host in the lock files of npm.
pub(super) fn no_hosts(file: &File<'_>) -> Vec<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or(file.path);
    if !matches!(name, "package-lock.json" | "npm-shrinkwrap.json" | ".package-lock.json") {
        return Vec::new();
    }
    let names_host = |line: &str| {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        key.trim() == "\"resolved\"" && value.contains("://")
    };
    (1..)
        .zip(file.text.lines())
        .filter(|(_, line)| names_host(line))
        .map(|(number, _)| {
            let instead =
                "make the lock with `npm install --package-lock-only --omit-lockfile-registry-resolved`";
            file.finding(number, "lock file with hosts", instead)
        })
        .collect()
}
