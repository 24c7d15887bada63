//! What can go wrong while code is made ready.

use std::path::{Path, PathBuf};

use super::tool::Failure;

/// Why a function's code could not be made ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file system refused.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// As in `read`.
        what: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A program that is needed is not there.
    #[error("{program} was not found; {hint}")]
    Missing {
        /// As in `npm`.
        program: &'static str,
        /// What to install.
        hint: &'static str,
    },
    /// A program failed.
    #[error("{0}")]
    Tool(Box<Failure>),
    /// The interpreter cannot be used.
    #[error(transparent)]
    Interpreter(#[from] lambent_sandbox::runtimes::Error),
    /// A `package.json` is no JSON of the kind that it should be.
    #[error("{} cannot be read as a package.json: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The code is kept by another package manager than npm.
    #[error(
        "{} has {lock} and no package-lock.json: npm would install other versions; set `build`, as in build = \"{command}\"",
        code.display()
    )]
    OtherLock {
        /// The code's folder.
        code: PathBuf,
        /// The lock file that is there.
        lock: &'static str,
        /// The command that honours it.
        command: &'static str,
    },
    /// A package lies outside of the code.
    #[error(
        "{} names `{name}`, which lies outside of the function's code; move it inside, or install the packages into the code yourself",
        file.display()
    )]
    Outside {
        /// The file that names it.
        file: PathBuf,
        /// As it is written.
        name: String,
    },
    /// A Python package is to be installed as editable.
    #[error(
        "{} asks for an editable package (`{line}`), which would stay outside of the sandbox; name it without -e",
        file.display()
    )]
    Editable {
        /// The requirements file.
        file: PathBuf,
        /// The line.
        line: String,
    },
    /// A crate makes no program at all.
    #[error("{} makes no executable; a `provided` function needs a [[bin]] named `bootstrap`", .0.display())]
    NoProgram(PathBuf),
    /// A crate makes several programs, and none of them stands out.
    #[error(
        "{} makes several executables ({}); name one of them `bootstrap` or like the function",
        code.display(),
        names.join(", ")
    )]
    WhichProgram {
        /// The code's folder.
        code: PathBuf,
        /// What it makes.
        names: Vec<String>,
    },
    /// There is too much code.
    #[error("{} has more than {limit} files and folders", folder.display())]
    TooMany {
        /// The code's folder.
        folder: PathBuf,
        /// The most that is taken.
        limit: usize,
    },
    /// A file was written to while the code was read.
    #[error("{} changed while it was copied; try again", .0.display())]
    Changed(PathBuf),
    /// A name cannot be written down.
    #[error("{} has a name that is not UTF-8; rename it", .0.display())]
    Name(PathBuf),
}

impl Error {
    /// For `map_err`: what was done, and to what.
    pub(super) fn io(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, path: path.as_ref().to_owned(), source }
    }
}
