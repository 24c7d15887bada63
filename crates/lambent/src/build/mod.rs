//! Making a function's code ready to run: packages installed, crates compiled, build commands run, the SDK offered.
//!
//! A function is described by its sources; what a sandbox mounts is a folder of the cache that was made from them
//! once and never changes. Every step is keyed by a digest of what goes into it, so that nothing is done twice,
//! and a step that is interrupted leaves nothing that looks complete.
//!
//! Tools run with the rights of the node, not in a sandbox: whoever may deploy code may build it.

mod cache;
mod cargo;
mod command;
mod digest;
mod error;
mod mirror;
mod npm;
mod pip;
mod progress;
mod sdk;
#[cfg(test)]
mod tests;
mod tool;
mod tree;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lambent_core::{Function, Runtime};
use lambent_sandbox::runtimes::{self, Interpreter};

use cache::Cache;
use tool::Program;

pub(crate) use error::Error;
pub(crate) use progress::Progress;

/// Makes functions' code ready. Cheap to clone; one may work for several functions at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Builder {
    cache: Cache,
    progress: Progress,
}

/// What was done for a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// Each step that the function needed.
    pub(crate) steps: Vec<Step>,
}

/// A step that a function needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it does.
    pub(crate) what: What,
    /// How long it took; `None` where its result was there already.
    pub(crate) took: Option<Duration>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Installs the packages of a `package.json`.
    NpmPackages,
    /// Installs the packages of a `requirements.txt`.
    PythonPackages,
    /// Compiles a crate.
    Crate,
    /// Runs the owner's build command.
    Command,
    /// Fetches the AWS SDK that the function uses and does not bring.
    Sdk,
}

impl What {
    /// The step under way, as in `installing npm packages`.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::NpmPackages => "installing npm packages",
            Self::PythonPackages => "installing Python packages",
            Self::Crate => "compiling with cargo",
            Self::Command => "running its build command",
            Self::Sdk => "fetching the AWS SDK",
        }
    }

    /// The step done, as in `installed npm packages`.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::NpmPackages => "installed npm packages",
            Self::PythonPackages => "installed Python packages",
            Self::Crate => "compiled with cargo",
            Self::Command => "ran its build command",
            Self::Sdk => "fetched the AWS SDK",
        }
    }
}

impl Builder {
    /// A builder that keeps what it makes in the folder `cache`, which several nodes may share.
    pub(crate) fn new(cache: PathBuf, progress: Progress) -> Self {
        Self { cache: Cache::new(cache), progress }
    }

    /// Makes a function's code ready, and points `code`, `dependencies` and `sdk` at it. Blocks as long as that
    /// takes. `function` is to be as its owner describes it: not one that was made ready before.
    ///
    /// # Errors
    /// When a tool is missing or fails, or the code is not what its files promise.
    pub(crate) fn prepare(&self, function: &mut Function) -> Result<Prepared, Error> {
        let name = function.name.to_string();
        let mut job =
            Job { cache: &self.cache, progress: &self.progress, function: &name, done: Prepared::default() };
        if let Some(command) = function.build.clone() {
            let order = command::Order { what: What::Command, command: &command, program: None };
            function.code = command::build(&mut job, function, &order)?;
        } else {
            match function.runtime {
                Runtime::Nodejs => npm::prepare(&mut job, function)?,
                Runtime::Python => pip::prepare(&mut job, function)?,
                Runtime::Provided => cargo::prepare(&mut job, function)?,
                Runtime::Http => {}
            }
        }
        sdk::offer(&mut job, function)?;
        Ok(job.done)
    }
}

/// The work on one function.
struct Job<'a> {
    cache: &'a Cache,
    progress: &'a Progress,
    function: &'a str,
    done: Prepared,
}

impl Job<'_> {
    /// The folder `name` of the cache, filled by `fill` where it is not there.
    fn folder(
        &mut self,
        what: What,
        name: &str,
        fill: impl FnOnce(&Self, &Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        if let Some(path) = self.cache.find(name) {
            self.was_ready(what);
            return Ok(path);
        }
        self.work(what, |job| {
            let lock = job.lock(name)?;
            job.cache.make(name, &lock, |folder| fill(job, folder))
        })
    }

    /// Does a step, with its beginning and end reported.
    fn work<T>(&mut self, what: What, work: impl FnOnce(&Self) -> Result<T, Error>) -> Result<T, Error> {
        let (made, took) = self.progress.during(self.function, what, || work(self))?;
        self.done.steps.push(Step { what, took: Some(took) });
        Ok(made)
    }

    fn was_ready(&mut self, what: What) {
        self.done.steps.push(Step { what, took: None });
    }

    fn lock(&self, name: &str) -> Result<cache::Lock, Error> {
        self.cache.lock(name, || self.line("waiting for someone else who is doing the same"))
    }

    fn line(&self, text: &str) {
        self.progress.line(self.function, text);
    }
}

/// The interpreter that will run the function: what is built must fit it.
fn interpreter(runtime: Runtime) -> Result<Option<&'static Interpreter>, Error> {
    Ok(runtimes::interpreter(runtime).transpose()?)
}

/// A file that need not be there.
fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path)(e)),
    }
}

const NPM: Program =
    Program { name: "npm", hint: "install Node.js with npm (Debian and Ubuntu: `apt install nodejs npm`)" };
const PYTHON: Program = Program {
    name: "python3",
    hint: "install Python 3.9 or newer with pip (Debian and Ubuntu: `apt install python3-pip`)",
};
const CARGO: Program = Program {
    name: "cargo",
    hint: "install Rust (https://rustup.rs), or put a `bootstrap` beside Cargo.toml",
};
