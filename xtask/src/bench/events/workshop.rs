//! The folder that the events bench works in, and the program that measures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::bench::prepare::{self, copy};
use crate::bench::running;
use crate::process;

/// Where the bench keeps its files in the project.
const SOURCE: &str = "benches/events";
/// The packages that moto needs, and moto.
const REQUIREMENTS: &str = "requirements.txt";
/// The part of the folder that is removed at the end.
const DATA: &str = "data";

/// The folder that everything runs in. What is measured leaves nothing there.
pub(super) struct Workshop {
    pub(super) folder: PathBuf,
    pub(super) lambent: PathBuf,
    /// The Python that has moto.
    pub(super) python: PathBuf,
    /// The program that measures.
    tool: PathBuf,
}

impl Workshop {
    /// Builds Lambent and the program that measures unless told not to, and installs moto where it is not there yet.
    ///
    /// # Errors
    /// When one of them cannot be done, or the folder is in memory.
    pub(super) fn open(build: bool) -> anyhow::Result<Self> {
        let [lambent, tool] = prepare::release(["lambent", "lambent-bench-events"], build)?;
        prepare::setpriv()?;
        let folder = prepare::target().join("bench/events");
        // An earlier bench may have been ended with force.
        drop(fs::remove_dir_all(folder.join(DATA)));
        fs::create_dir_all(folder.join(DATA))?;
        let folder = fs::canonicalize(folder)?;
        copy(&Path::new(SOURCE).join("app"), &folder.join("app"))?;
        let python = install(&folder)?;
        let workshop = Self { folder, lambent, python, tool };
        if matches!(workshop.file_system()?.as_str(), "tmpfs" | "ramfs") {
            bail!("{} is in memory: what is durable has to be measured on a disk", workshop.folder.display());
        }
        Ok(workshop)
    }

    /// A place for files that are removed at the end.
    pub(super) fn data(&self, name: &str) -> PathBuf {
        self.folder.join(DATA).join(name)
    }

    /// The file system that is measured.
    ///
    /// # Errors
    /// When nobody knows.
    pub(super) fn file_system(&self) -> anyhow::Result<String> {
        let mut findmnt = Command::new("findmnt");
        findmnt.args(["--noheadings", "--output", "FSTYPE", "--target"]).arg(&self.folder);
        Ok(process::output(&mut findmnt)?.trim().to_owned())
    }

    /// The versions of moto and of its Python.
    ///
    /// # Errors
    /// When they are unknown.
    pub(super) fn versions(&self) -> anyhow::Result<String> {
        let requirements = fs::read_to_string(Path::new(SOURCE).join(REQUIREMENTS))?;
        let moto = requirements.lines().find_map(|line| line.strip_prefix("moto=="));
        let moto = moto.context("the requirements have no moto")?;
        let python = process::output(Command::new(&self.python).arg("--version"))?;
        Ok(format!("moto server {moto}, {}", python.trim()))
    }

    /// Has something measured; what was, a line each. It ends with the bench.
    ///
    /// # Errors
    /// When it does not work.
    pub(super) fn measure(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let mut command = running::command();
        command.arg(&self.tool).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = command.output().context("cannot start lambent-bench-events")?;
        if !output.status.success() {
            bail!("`lambent-bench-events {}` failed: {}", arguments.join(" "), output.status);
        }
        let text = String::from_utf8(output.stdout)?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The same for what is one line.
    ///
    /// # Errors
    /// When it does not work, or gives nothing.
    pub(super) fn measure_one(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        self.measure(arguments)?.pop().context("lambent-bench-events measured nothing")
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(self.folder.join(DATA)) {
            eprintln!("cannot remove {}: {error}", self.folder.join(DATA).display());
        }
    }
}

/// A number of a line.
///
/// # Errors
/// When the line has none of this name.
pub(super) fn number(line: &Value, name: &str) -> anyhow::Result<f64> {
    line[name].as_f64().with_context(|| format!("no `{name}` was measured: {line}"))
}

/// Installs moto into an environment of its own, unless it is there; the Python that has it.
fn install(folder: &Path) -> anyhow::Result<PathBuf> {
    let requirements = Path::new(SOURCE).join(REQUIREMENTS);
    let wanted = fs::read(&requirements)?;
    let environment = folder.join("venv");
    let (python, stamp) = (environment.join("bin/python"), environment.join("installed-from"));
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("installing moto server");
    let to_stderr = |command: &mut Command| process::run(command.stdout(std::io::stderr()));
    to_stderr(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    to_stderr(pip.arg(&requirements))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}
