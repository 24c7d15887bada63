//! The packages of a `python` function that states them in `requirements.txt` and does not bring them.
//!
//! They are installed into a folder of the cache, shared by functions with the same requirements; versions that
//! are not pinned stay as they were chosen first. Where a package lies in the code itself, a copy of the whole
//! code is built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lambent_core::{Function, Runtime};

use super::command::{self, Order};
use super::digest::Digest;
use super::tool::Tool;
use super::{Error, Job, PYTHON, What, interpreter, read_optional, tree};

const FILE: &str = "requirements.txt";

/// What pip is told every time.
const QUIET: [&str; 4] = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"];

/// What the requirements of a function say.
#[derive(Debug, Default)]
struct Requirements {
    /// The files that say it, with their contents.
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// They name a package.
    any: bool,
    /// They name a package that lies in the code.
    local: bool,
}

/// Installs what the function needs.
pub(super) fn prepare(job: &mut Job<'_>, function: &mut Function) -> Result<(), Error> {
    let code = &function.code;
    let requirements = Requirements::read(code)?;
    if !requirements.any || brings_packages(code) {
        return Ok(());
    }
    if requirements.local {
        let command = format!("python3 -m pip install --upgrade -r {FILE} -t . {}", QUIET.join(" "));
        let order = Order { what: What::PythonPackages, command: &command, program: Some(&PYTHON) };
        function.code = command::build(job, function, &order)?;
        return Ok(());
    }
    let version = interpreter(Runtime::Python)?.map_or("", |python| python.version.as_str());
    let name = format!("python/{}", requirements.key(version));
    let folder = job.folder(What::PythonPackages, &name, |job, to| install(job, code, FILE.as_ref(), to))?;
    function.dependencies = Some(folder);
    Ok(())
}

/// Whether packages were installed into the code, as `pip install -t .` and `sam build` do.
fn brings_packages(code: &Path) -> bool {
    fs::read_dir(code).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(".dist-info"))
    })
}

/// Installs what the requirements file `file`, seen from `folder`, names.
pub(super) fn install(job: &Job<'_>, folder: &Path, file: &Path, to: &Path) -> Result<(), Error> {
    // Byte code is compiled as pip does by itself: the folder is mounted read-only, so this is its only chance.
    Tool::new(&PYTHON, folder)
        .args(["-m", "pip", "install", "-r"])
        .args([file, Path::new("-t"), to])
        .args(QUIET)
        // Some hosts make `--user` the default, which does not go with a folder.
        .env("PIP_USER", "no")
        .run(|line| job.line(line))
        .map_err(explained)
        .map(drop)
}

/// Python is there and pip is not: Debian and Ubuntu have it in a package of its own.
fn explained(error: Error) -> Error {
    match error {
        Error::Tool(failure) if failure.output.iter().any(|line| line.ends_with("No module named pip")) => {
            Error::Missing {
                program: "pip",
                hint: "install it (Debian and Ubuntu: `apt install python3-pip`)",
            }
        }
        error => error,
    }
}

impl Requirements {
    fn read(code: &Path) -> Result<Self, Error> {
        let mut requirements = Self::default();
        requirements.file(code, &code.join(FILE))?;
        Ok(requirements)
    }

    fn file(&mut self, code: &Path, path: &Path) -> Result<(), Error> {
        // A file that is missing is pip's to complain about.
        let Ok(path) = fs::canonicalize(path) else { return Ok(()) };
        if self.files.contains_key(&path) {
            return Ok(());
        }
        let Some(bytes) = read_optional(&path)? else { return Ok(()) };
        let text = String::from_utf8_lossy(&bytes).replace("\\\n", " ");
        self.files.insert(path.clone(), bytes);
        for line in text.lines() {
            match parse(line) {
                Line::Nothing => {}
                Line::Package => self.any = true,
                Line::File(name) => self.file(code, &path.parent().unwrap_or(code).join(name))?,
                Line::Editable => {
                    return Err(Error::Editable { file: path, line: line.trim().to_owned() });
                }
                // pip looks for these in the folder that it runs in.
                Line::Local(name) => {
                    if !tree::stays_inside(name) {
                        return Err(Error::Outside { file: path, name: name.to_owned() });
                    }
                    self.any = true;
                    self.local = true;
                }
            }
        }
        Ok(())
    }

    fn key(&self, python: &str) -> String {
        let mut digest = Digest::new("python packages");
        digest.field(python);
        for bytes in self.files.values() {
            digest.field(bytes);
        }
        digest.name()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Nothing,
    Package,
    /// `-r` or `-c`: what another file says.
    File(&'a str),
    /// A package in a file or folder.
    Local(&'a str),
    Editable,
}

fn parse(line: &str) -> Line<'_> {
    let line = line.split_once(" #").map_or(line, |(before, _)| before).trim();
    if line.is_empty() || line.starts_with('#') {
        return Line::Nothing;
    }
    for (short, long) in [("-r", "--requirement"), ("-c", "--constraint"), ("-e", "--editable")] {
        let Some(name) = line.strip_prefix(long).or_else(|| line.strip_prefix(short)) else { continue };
        let name = name.trim_start_matches(['=', ' ', '\t']);
        return match short {
            "-e" => Line::Editable,
            _ if name.contains("://") => Line::Nothing,
            _ => Line::File(name),
        };
    }
    if line.starts_with('-') {
        return Line::Nothing;
    }
    // `NAME @ file:PATH` as well as the bare path.
    let place = line.split_once('@').map_or(line, |(_, place)| place).trim();
    let place = place.split([';', ' ']).next().unwrap_or_default();
    if let Some(path) = place.strip_prefix("file:") {
        return Line::Local(path.strip_prefix("//").unwrap_or(path));
    }
    let bare = line.split([';', ' ', '[']).next().unwrap_or_default();
    let is_path = bare.starts_with('.') || bare.starts_with('/');
    if is_path || (bare.ends_with(".whl") && !bare.contains("://")) {
        Line::Local(bare)
    } else {
        Line::Package
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Scratch;
    use super::*;

    #[test]
    fn lines_are_understood() {
        for (line, expect) in [
            ("", Line::Nothing),
            ("  # six", Line::Nothing),
            ("six==1.17.0  # why", Line::Package),
            ("requests[socks]>=2; python_version < '3.12'", Line::Package),
            ("lib @ https://example.com/lib.whl", Line::Package),
            ("https://example.com/lib.whl", Line::Package),
            ("git+https://example.com/lib@v1", Line::Package),
            ("--extra-index-url https://example.com", Line::Nothing),
            ("-r base.txt", Line::File("base.txt")),
            ("-rbase.txt", Line::File("base.txt")),
            ("--constraint=limits.txt", Line::File("limits.txt")),
            ("-r https://example.com/base.txt", Line::Nothing),
            ("-e ./lib", Line::Editable),
            ("./lib[extra]", Line::Local("./lib")),
            ("lib @ file:./lib", Line::Local("./lib")),
            ("wheels/lib-1.0-py3-none-any.whl", Line::Local("wheels/lib-1.0-py3-none-any.whl")),
        ] {
            assert_eq!(parse(line), expect, "{line}");
        }
    }

    #[test]
    fn included_files_count() {
        let scratch = Scratch::new();
        scratch.write("requirements.txt", "-r more/base.txt\n");
        scratch.write("more/base.txt", "-c limits.txt\n-r ../requirements.txt\n");
        let read = || Requirements::read(scratch.root()).unwrap();
        assert!(!read().any);
        scratch.write("more/limits.txt", "six<2\n");
        let before = read();
        assert!(before.any);
        scratch.write("more/limits.txt", "six<3\n");
        assert_ne!(read().key("3.11.7"), before.key("3.11.7"));
        assert_ne!(before.key("3.11.7"), before.key("3.12.0"));
    }

    #[test]
    fn what_a_sandbox_could_not_see_is_refused() {
        let scratch = Scratch::new();
        let message = |line: &str| {
            scratch.write("requirements.txt", line);
            Requirements::read(scratch.root()).unwrap_err().to_string()
        };
        assert!(message("-e ./lib").contains("(`-e ./lib`)"));
        assert!(message("../lib").contains("names `../lib`, which lies outside"));
        assert!(message("lib @ file:///srv/lib").contains("names `/srv/lib`"));
    }
}
