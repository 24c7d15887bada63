//! What has to be built and installed before anything is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process;
use crate::test::apt_install;

/// Where the bench keeps its files in the project.
const SOURCE: &str = "benches/http";

/// The folder that the servers run in, with everything that they need.
pub(super) struct Workshop {
    pub(super) folder: PathBuf,
    pub(super) lambent: PathBuf,
}

impl Workshop {
    /// Builds Lambent unless told not to, and installs the rest where it is not there yet.
    ///
    /// # Errors
    /// When one of them cannot be done.
    pub(super) fn open(build: bool) -> anyhow::Result<Self> {
        let target = target();
        let [lambent] = release(["lambent"], build)?;
        if !process::is_installed("wrk") {
            apt_install(&["wrk"])?;
        }
        setpriv()?;
        let folder = target.join("bench/http");
        fs::create_dir_all(&folder)?;
        let folder = fs::canonicalize(folder)?;
        copy(Path::new(SOURCE), &folder)?;
        install(&folder)?;
        Ok(Self { folder, lambent })
    }
}

/// The folder that everything is built in.
pub(super) fn target() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The release builds of programs, each of which is called as its package; built first unless told not to.
///
/// # Errors
/// When one of them cannot be built or is not there.
pub(super) fn release<const N: usize>(packages: [&str; N], build: bool) -> anyhow::Result<[PathBuf; N]> {
    if build {
        let mut cargo = process::cargo();
        cargo.args(["build", "--release"]);
        cargo.args(packages.iter().flat_map(|package| ["--package", package]));
        process::run(&mut cargo)?;
    }
    let mut programs = packages.map(PathBuf::from);
    for program in &mut programs {
        *program = fs::canonicalize(target().join("release").join(&program)).with_context(|| {
            format!("there is no release build of {}: leave --no-build out", program.display())
        })?;
    }
    Ok(programs)
}

/// The program that ends the servers when the bench ends, however that ends.
///
/// # Errors
/// When it cannot be installed.
pub(super) fn setpriv() -> anyhow::Result<()> {
    if process::is_installed("setpriv") { Ok(()) } else { apt_install(&["util-linux"]) }
}

/// Copies a folder into another one, which keeps what else it has.
///
/// # Errors
/// When something cannot be read or written.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}

/// Installs the packages of the lock file, unless they are what is there.
fn install(folder: &Path) -> anyhow::Result<()> {
    let lock = fs::read(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed-from");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if !process::is_installed("npm") {
        bail!("there is no npm: install Node.js 20 or later, which brings it");
    }
    eprintln!("installing functions-framework and serverless-offline");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    process::run(npm.current_dir(folder).stdout(std::io::stderr()))?;
    fs::write(&stamp, lock)?;
    Ok(())
}
