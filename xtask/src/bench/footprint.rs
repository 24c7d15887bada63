//! Memory of a process and of all that it started.

use std::collections::HashMap;
use std::fs;

use anyhow::Context;

/// Memory in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    /// The process itself: all pages that it has, those too that others share.
    pub(super) own_rss: u64,
    /// It and its descendants: each page counted once, shared ones divided among those that share them.
    pub(super) tree_pss: u64,
    /// How many processes these are.
    pub(super) processes: usize,
}

/// Measures a process of this machine.
///
/// # Errors
/// When the process is gone or may not be looked at.
pub(super) fn of(pid: u32) -> anyhow::Result<Footprint> {
    let mut footprint = Footprint::default();
    for member in tree(pid)? {
        let path = format!("/proc/{member}/smaps_rollup");
        let text = fs::read_to_string(&path);
        // A descendant may end at any time, and one that is ending has no memory to show.
        if member != pid && text.is_err() {
            continue;
        }
        let text = text.with_context(|| format!("cannot read {path}"))?;
        if member == pid {
            footprint.own_rss = field(&text, "Rss:").with_context(|| format!("{path} has no Rss"))?;
        }
        footprint.tree_pss += field(&text, "Pss:").with_context(|| format!("{path} has no Pss"))?;
        footprint.processes += 1;
    }
    Ok(footprint)
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok())
}

/// A process and its descendants.
fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut tree = vec![root];
    let mut at = 0;
    while at < tree.len() {
        tree.extend(children.remove(&tree[at]).unwrap_or_default());
        at += 1;
    }
    Ok(tree)
}

/// The parent, from `/proc/PID/stat`: the second word after the name, which is in brackets and may hold any.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{field, parent};

    #[test]
    fn proc_is_read() {
        assert_eq!(parent("12 (a) b (c)) S 7 12 12 0 -1"), Some(7));
        assert_eq!(parent(""), None);
        let rollup =
            "55a-7ff ---p 0 00:00 0 [rollup]\nRss:               11208 kB\nPss:                9001 kB\n";
        assert_eq!(field(rollup, "Rss:"), Some(11208));
        assert_eq!(field(rollup, "Pss:"), Some(9001));
        assert_eq!(field(rollup, "Pss_Anon:"), None);
    }
}
