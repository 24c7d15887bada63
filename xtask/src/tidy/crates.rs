//! Which crate may use which: nothing points back up.

use super::{File, Finding};

/// A crate of `crates/`, and the ones of ours that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("store", &["core"]),
    ("sandbox", &["core"]),
    ("engine", &["core", "store", "sandbox"]),
    ("sources", &["core", "store", "engine"]),
    ("gateway", &["core", "engine"]),
    ("aws", &["core", "store", "engine"]),
    ("manifest", &["core"]),
    ("lambent", &["core", "store", "sandbox", "engine", "sources", "gateway", "aws", "manifest"]),
    ("xtask", &[]),
];

/// Crates use only what is below them.
pub(super) fn direction(file: &File<'_>) -> Vec<Finding> {
    let Some(name) = crate_name(file.path) else { return Vec::new() };
    let Some((_, may_use)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
        let instead =
            "say in xtask/src/tidy/crates.rs which crates it may use, and ARCHITECTURE.md what it is for";
        return vec![file.finding(1, "new crate", instead)];
    };
    used(file.text)
        .into_iter()
        .filter(|(_, used)| !may_use.contains(used))
        .map(|(number, used)| {
            let instead = match may_use {
                [] => format!(
                    "`{name}` may use no crate of ours: move what it wants of `{used}` down, or itself up"
                ),
                _ => format!("`{name}` may use {} only, not `{used}`", may_use.join(", ")),
            };
            file.finding(number, "crate direction", instead)
        })
        .collect()
}

/// The crate whose manifest this is.
fn crate_name(path: &str) -> Option<&str> {
    if path == "xtask/Cargo.toml" {
        return Some("xtask");
    }
    let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
    (!name.contains('/')).then_some(name)
}

/// The crates of ours that a manifest depends on, in every kind of dependency, with their lines.
fn used(manifest: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut used = Vec::new();
    for (number, line) in (1..).zip(manifest.lines()) {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = section.ends_with("dependencies");
            // `[dependencies.lambent-core]`
            let named = section.rsplit_once("dependencies.").map(|(_, name)| name);
            used.extend(named.and_then(ours).map(|name| (number, name)));
        } else if inside && let Some(end) = line.find(['.', '=', ' ']) {
            used.extend(ours(&line[..end]).map(|name| (number, name)));
        }
    }
    used
}

fn ours(package: &str) -> Option<&str> {
    let package = package.trim_matches('"');
    if package == "lambent" { Some(package) } else { package.strip_prefix("lambent-") }
}
