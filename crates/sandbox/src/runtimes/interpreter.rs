//! Finding an interpreter of the host: the real program behind wrappers, what it needs, whether it is new enough.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;
use crate::process::Bind;

/// An interpreter of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program itself.
    pub path: PathBuf,
    /// Its version, as in `20.20.2`.
    pub version: String,
    /// The folder that it was installed into, and loads its library from.
    pub prefix: PathBuf,
}

/// How an interpreter is looked for.
pub(super) struct Search {
    pub(super) program: &'static str,
    /// Arguments that make it print its own path, version and prefix, a line each.
    pub(super) arguments: &'static [&'static str],
    pub(super) least: (u32, u32),
    pub(super) least_text: &'static str,
    pub(super) hint: &'static str,
}

impl Search {
    /// Runs the program and reads what it says of itself. It may be a wrapper (pyenv, nvm, a distribution's
    /// alternative); what it says is the real thing.
    pub(super) fn run(&self) -> Result<Interpreter, Error> {
        let Self { program, hint, .. } = *self;
        let broken = |reason: &str| Error::Broken { program, reason: reason.trim().to_owned(), hint };
        let output = match Command::new(program).args(self.arguments).output() {
            Ok(output) => output,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Missing { program, hint });
            }
            Err(e) => return Err(broken(&e.to_string())),
        };
        if !output.status.success() {
            return Err(broken(&String::from_utf8_lossy(&output.stderr)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines = text.lines();
        let (Some(path), Some(version), Some(prefix)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(broken("it does not say what it is"));
        };
        let resolve = |path: &str| std::fs::canonicalize(path).map_err(|e| broken(&format!("{path}: {e}")));
        let found = Interpreter {
            path: resolve(path)?,
            version: version.trim_start_matches('v').to_owned(),
            prefix: resolve(prefix)?,
        };
        if major_minor(&found.version) < self.least {
            let Interpreter { path, version: found, .. } = found;
            return Err(Error::TooOld { program, path, found, least: self.least_text, hint });
        }
        Ok(found)
    }
}

impl Interpreter {
    /// What of the host has to be visible for it to run, besides the system's own folders.
    pub(super) fn binds(&self) -> Vec<Bind> {
        let outside = |path: &Path| !path.starts_with("/usr") && path != Path::new("/");
        let mut binds = Vec::new();
        if outside(&self.prefix) {
            binds.push(Bind::same(&self.prefix));
        }
        if outside(&self.path) && !self.path.starts_with(&self.prefix) {
            binds.push(Bind::same(&self.path));
        }
        binds
    }
}

fn major_minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(program: &'static str, arguments: &'static [&'static str]) -> Search {
        Search { program, arguments, least: (3, 9), least_text: "3.9", hint: "install it" }
    }

    #[test]
    fn what_it_says_of_itself_is_taken() {
        let found = search("sh", &["-c", "echo /bin/sh; echo v3.11.7; echo /usr"]).run().unwrap();
        assert_eq!((found.version.as_str(), found.prefix.as_path()), ("3.11.7", Path::new("/usr")));
        assert_eq!(found.binds(), []);
    }

    #[test]
    fn missing_broken_and_old_ones_are_named() {
        let message = |search: Search| search.run().unwrap_err().to_string();
        assert_eq!(message(search("no-such-program", &[])), "no-such-program was not found; install it");
        let broken = search("sh", &["-c", "echo oh no >&2; exit 1"]);
        assert_eq!(message(broken), "sh does not run: oh no; install it");
        let old = message(search("sh", &["-c", "echo /bin/sh; echo 3.8.10; echo /usr"]));
        assert!(old.ends_with("is sh 3.8.10, and Lambent needs 3.9 or newer; install it"), "{old}");
    }
}
