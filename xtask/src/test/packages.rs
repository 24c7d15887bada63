//! What the tests need from the machine: Debian packages are installed, toolchains have to be there.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::process;

/// Something from a Debian package, known by a command that succeeds when it is there.
struct Need {
    probe: &'static [&'static str],
    package: &'static str,
}

/// One line each; a probe of one word only looks whether there is such a program.
const NEEDS: &[Need] = &[
    // C sources in crates, and the npm client of the Runtime API, which builds native code of its own.
    Need { probe: &["gcc"], package: "gcc" },
    Need { probe: &["g++"], package: "g++" },
    Need { probe: &["make"], package: "make" },
    Need { probe: &["cmake"], package: "cmake" },
    Need { probe: &["autoreconf"], package: "autoconf" },
    Need { probe: &["automake"], package: "automake" },
    Need { probe: &["libtoolize"], package: "libtool" },
    // Clients and functions of the tests.
    Need { probe: &["curl"], package: "curl" },
    Need { probe: &["git"], package: "git" },
    Need { probe: &["python3", "-m", "pip", "--version"], package: "python3-pip" },
    Need { probe: &["python3", "-c", "import venv, ensurepip"], package: "python3-venv" },
];

/// A toolchain: how it tells its version, the least that will do, and where to get it.
struct Toolchain {
    version: &'static [&'static str],
    least: (u32, u32),
    hint: &'static str,
}

const TOOLCHAINS: &[Toolchain] = &[
    Toolchain { version: &["rustc", "--version"], least: (1, 95), hint: "the Rust that Cargo.toml names" },
    Toolchain {
        version: &["node", "--version"],
        least: (20, 0),
        hint: "Node.js 20 or later, with its headers",
    },
    Toolchain { version: &["npm", "--version"], least: (9, 0), hint: "npm comes with Node.js" },
    Toolchain { version: &["python3", "--version"], least: (3, 11), hint: "Python 3.11 or later" },
    Toolchain { version: &["go", "version"], least: (1, 21), hint: "Go 1.21 or later" },
];

/// Checks the toolchains, and installs the packages that are missing.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(super) fn install() -> anyhow::Result<()> {
    for toolchain in TOOLCHAINS {
        println!("{}", toolchain.check()?);
    }
    let missing: Vec<&str> = NEEDS.iter().filter(|need| !need.is_met()).map(|need| need.package).collect();
    apt_install(&missing)?;
    let still: Vec<&str> = NEEDS.iter().filter(|need| !need.is_met()).map(|need| need.package).collect();
    if !still.is_empty() {
        bail!("installed, but still not to be found: {}", still.join(" "));
    }
    println!("system packages: all there");
    Ok(())
}

/// Installs Debian packages; with none there is nothing to do.
///
/// # Errors
/// When this is not Debian, not root, or apt-get fails.
pub(crate) fn apt_install(packages: &[&str]) -> anyhow::Result<()> {
    let packages: BTreeSet<_> = packages.iter().collect();
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    if !process::is_installed("apt-get") {
        bail!(
            "missing: {names} (Debian's names). There is no apt-get here: install them in this system's own way"
        );
    }
    if !is_root()? {
        bail!("missing: {names}. Not root, so they are not installed: run `sudo apt-get install {names}`");
    }
    eprintln!("installing {names}");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-y"]).args(arguments);
        // Standard output may be somebody's file: the log of an installation goes to standard error.
        process::run(command.stdout(std::io::stderr()))
    };
    apt(&["update"])?;
    let mut install = vec!["install", "--no-install-recommends"];
    install.extend(packages);
    apt(&install)
}

fn is_root() -> anyhow::Result<bool> {
    Ok(std::fs::metadata("/proc/self").context("cannot tell who runs this")?.uid() == 0)
}

impl Need {
    fn is_met(&self) -> bool {
        match self.probe {
            [program] => process::is_installed(program),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                command.status().is_ok_and(|status| status.success())
            }
            [] => true,
        }
    }
}

impl Toolchain {
    /// The name and version, for whoever reads the log.
    fn check(&self) -> anyhow::Result<String> {
        let [program, arguments @ ..] = self.version else { bail!("a toolchain has no program") };
        let text = process::output(Command::new(program).args(arguments))
            .with_context(|| format!("the tests need `{program}`: {}", self.hint))?;
        let text = text.trim();
        let found = version(text).with_context(|| format!("`{program}` has an unknown version: {text}"))?;
        if found < self.least {
            bail!("`{program}` is too old ({text}): the tests need {}", self.hint);
        }
        Ok(format!("{program}: {text}"))
    }
}

/// The first two numbers of the first word that is a version.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches(|c: char| c.is_ascii_alphabetic()).split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    fn check(text: &str, expect: Option<(u32, u32)>) {
        assert_eq!(super::version(text), expect, "{text:?}");
    }

    #[test]
    fn versions_are_read_as_tools_write_them() {
        check("v20.20.2", Some((20, 20)));
        check("11.19.1", Some((11, 19)));
        check("Python 3.11.7", Some((3, 11)));
        check("go version go1.24.4 linux/amd64", Some((1, 24)));
        check("rustc 1.95.0 (59807616e 2026-04-14)", Some((1, 95)));
        check("no version", None);
    }
}
