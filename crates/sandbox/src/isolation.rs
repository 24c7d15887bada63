//! What this host can isolate: found out by trying, at start, and shown by `doctor` (durability.md 11.3).

use std::fmt;

/// How well this host isolates a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// In one word.
    pub tier: Tier,
    /// In detail, for people.
    pub measures: Vec<Measure>,
}

/// The tiers, from nothing to everything that Lambent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// No namespaces: Lambent does not run functions here.
    None,
    /// Namespaces, by an ordinary user: memory and processes may be unlimited, one uid for all functions.
    Namespaces,
    /// Everything: namespaces, an own uid for each function, limits on memory and processes.
    Full,
}

/// One measure of isolation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What it is.
    pub name: &'static str,
    /// Whether this host gives it.
    pub given: bool,
    /// How, or why not and what would help.
    pub detail: String,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "T0 none",
            Self::Namespaces => "T2 namespaces",
            Self::Full => "T3 full",
        })
    }
}

/// What trying it out has shown.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    pub(crate) root: bool,
    /// Whether a jail could be built, and if not, why.
    pub(crate) jail: Result<(), String>,
    pub(crate) user_namespace: bool,
    pub(crate) cgroup: Result<&'a str, &'a str>,
}

impl Isolation {
    pub(crate) fn of(found: &Findings<'_>) -> Self {
        let jailed = found.jail.is_ok();
        let tier = match (jailed, found.root && found.cgroup.is_ok()) {
            (false, _) => Tier::None,
            (true, false) => Tier::Namespaces,
            (true, true) => Tier::Full,
        };
        let measure = |name, given, detail: &str| Measure { name, given, detail: detail.to_owned() };
        let jail = |yes: &str| found.jail.as_ref().map_or_else(Clone::clone, |()| yes.to_owned());
        let measures = vec![
            measure("mount, pid, ipc and uts namespaces", jailed, &jail("a root of its own, read-only; no host process in sight")),
            measure(
                "user namespace",
                jailed && found.user_namespace,
                if found.user_namespace { "the function's user exists only inside" } else { "the kernel refuses it" },
            ),
            measure(
                "own uid for each function",
                jailed && found.root,
                if found.root { "files, signals and limits follow the uid" } else { "only root can give uids: all functions run as you" },
            ),
            measure(
                "memory and process limits",
                found.cgroup.is_ok(),
                &found.cgroup.map_or_else(
                    |why| format!("{why}; run as root, or with systemd `Delegate=yes`: until then `memory` is not enforced"),
                    str::to_owned,
                ),
            ),
            measure("no new privileges, no capabilities", jailed, "set for every function"),
            measure("filter of system calls", jailed, "no namespaces, mounts, tracing, keys or kernel modules"),
            measure("closed descriptors, empty environment", jailed, "nothing of the node's is handed on"),
            measure("network", false, "functions share the host's network in this release"),
        ];
        Self { tier, measures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers() {
        let check = |root, jail: Result<(), String>, cgroup, expect| {
            let found = Findings { root, jail, user_namespace: true, cgroup };
            assert_eq!(Isolation::of(&found).tier, expect);
        };
        check(true, Ok(()), Ok("cgroup v2"), Tier::Full);
        check(true, Ok(()), Err("none"), Tier::Namespaces);
        check(false, Ok(()), Ok("cgroup v2"), Tier::Namespaces);
        check(true, Err("no".into()), Ok("cgroup v2"), Tier::None);
    }
}
