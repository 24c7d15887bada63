//! How a function of each runtime is started: one file a runtime, one line each in [`plan`].

mod http;
mod interpreter;
mod nodejs;
mod provided;
mod python;

use std::path::{Path, PathBuf};

use lambent_core::{Function, Runtime};

use crate::process::Bind;

pub use interpreter::Interpreter;

/// Why a function cannot be started on this host.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The interpreter is not there.
    #[error("{program} was not found; {hint}")]
    Missing {
        /// As in `node`.
        program: &'static str,
        /// What to install.
        hint: &'static str,
    },
    /// The interpreter is there and too old.
    #[error("{} is {program} {found}, and Lambent needs {least} or newer; {hint}", path.display())]
    TooOld {
        /// As in `node`.
        program: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The oldest that will do.
        least: &'static str,
        /// What to install.
        hint: &'static str,
    },
    /// The interpreter does not say what it is.
    #[error("{program} does not run: {reason}; {hint}")]
    Broken {
        /// As in `node`.
        program: &'static str,
        /// What it printed.
        reason: String,
        /// What to install.
        hint: &'static str,
    },
    /// A `provided` function has no program.
    #[error(
        "{} has no executable file `bootstrap`; a `provided` function is started by that name (chmod +x it, or set `build`)",
        .0.display()
    )]
    NoBootstrap(PathBuf),
}

/// How to start a function's program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Program and arguments, as seen inside the jail.
    pub(crate) command: Vec<String>,
    /// Environment variables that the runtime needs.
    pub(crate) environment: Vec<(String, String)>,
    /// Parts of the host that the runtime needs.
    pub(crate) binds: Vec<Bind>,
    /// Symbolic links that the runtime needs: (where, target).
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// How the node talks to it.
    pub(crate) protocol: Protocol,
}

/// How the node talks to a function's program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Our own frames, on descriptor 3.
    #[default]
    Frames,
    /// The HTTP Runtime API.
    RuntimeApi,
    /// The program is a web server.
    Http,
}

/// How to start `function`. `bootstraps` is the folder with the unpacked bootstraps.
///
/// # Errors
/// When this host cannot run it, and what to install.
pub(crate) fn plan(function: &Function, bootstraps: &Path) -> Result<Plan, Error> {
    match function.runtime {
        Runtime::Nodejs => nodejs::plan(function, bootstraps),
        Runtime::Python => python::plan(function, bootstraps),
        Runtime::Provided => provided::plan(function),
        Runtime::Http => Ok(http::plan(function)),
    }
}

/// The files of the bootstraps, by their path below the folder of the bootstraps.
pub(crate) fn bootstrap_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    nodejs::BOOTSTRAP.iter().chain(python::BOOTSTRAP).copied()
}

/// The interpreter of a runtime, where it needs one: for `doctor`.
///
/// # Errors
/// When it is missing or too old, and what to install.
pub fn interpreter(runtime: Runtime) -> Option<Result<&'static Interpreter, Error>> {
    match runtime {
        Runtime::Nodejs => Some(nodejs::interpreter()),
        Runtime::Python => Some(python::interpreter()),
        Runtime::Provided | Runtime::Http => None,
    }
}
