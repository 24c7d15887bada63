//! Build commands: `sh -c COMMAND` in a copy of the code.
//!
//! The copy has everything that the code has, `node_modules` included, except `.git`, `.lambent`, `__pycache__`,
//! cargo's `target` and folders with a `CACHEDIR.TAG`. It is kept from build to build, and what the command leaves
//! in it is what runs. `LAMBENT_CODE` is the folder that it is a copy of, for commands that need what lies beside.

use std::fs;
use std::path::{Path, PathBuf};

use lambent_core::Function;
use serde::{Deserialize, Serialize};

use super::cache::{beside, half_made, remove_half_made};
use super::digest::Digest;
use super::mirror::{self, Record, Snapshot};
use super::tool::{Program, Tool};
use super::tree::{self, Purpose};
use super::{Error, Job, What, interpreter, read_optional};

const SHELL: Program = Program { name: "sh", hint: "a POSIX shell belongs to every Linux" };

/// A command to be run.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) what: What,
    pub(super) command: &'a str,
    /// The program that it consists of, where it is ours: so that it can be missed by name.
    pub(super) program: Option<&'static Program>,
}

/// Runs the command unless its result is there, and returns the folder with the result. Functions with the same
/// code and command share it.
pub(super) fn build(job: &mut Job<'_>, function: &Function, order: &Order<'_>) -> Result<PathBuf, Error> {
    let code = &function.code;
    let entries = tree::walk(code, Purpose::Build, job.cache.root())?;
    let digests = tree::digests(&entries)?;

    let mut place = Digest::new("build folder");
    place.field(code.as_os_str().as_encoded_bytes()).field(order.command);
    let place = format!("work/{}", place.name());

    let version = interpreter(function.runtime)?.map_or("", |found| found.version.as_str());
    let mut result = Digest::new("build result");
    result.field(&place).field(version);
    tree::add(&mut result, &entries, &digests);
    let result = format!("built/{}", result.name());

    if let Some(folder) = job.cache.find(&result) {
        job.was_ready(order.what);
        return Ok(folder);
    }
    job.work(order.what, |job| {
        // The place is part of the result's name, so that its lock is the result's too.
        let lock = job.lock(&place)?;
        let folder = job.cache.path(&result);
        job.cache.make(&result, &lock, |to| {
            let work = Workplace { folder: job.cache.path(&place) };
            let mut state = work.open()?;
            state.mirror = mirror::sync(&entries, &digests, &work.tree(), &state.mirror)?;
            let ran = run(job, &work.tree(), code, order);
            if ran.as_ref().is_err_and(|error| matches!(error, Error::Tool(f) if f.was_interrupted())) {
                return ran;
            }
            if ran.is_ok() {
                let made = tree::walk(&work.tree(), Purpose::Run, Path::new(""))?;
                let files = mirror::take(&made, to, state.snapshot.as_ref())?;
                state.snapshot = Some(Snapshot { folder, files });
            }
            work.close(&state)?;
            ran
        })
    })
}

fn run(job: &Job<'_>, folder: &Path, code: &Path, order: &Order<'_>) -> Result<(), Error> {
    let result = Tool::new(&SHELL, folder)
        .args(["-c", order.command])
        .env("LAMBENT_CODE", code)
        .run(|line| job.line(line));
    match (result, order.program) {
        (Ok(_), _) => Ok(()),
        (Err(Error::Tool(failure)), Some(program)) if failure.was_not_found() => {
            Err(Error::Missing { program: program.name, hint: program.hint })
        }
        (Err(Error::Tool(mut failure)), None) if failure.was_not_found() => {
            failure.hint = Some("a program of the command was not found");
            Err(Error::Tool(failure))
        }
        (Err(error), _) => Err(error),
    }
}

/// Where a command is run, from build to build. Used under the lock of its folder.
#[derive(Debug)]
struct Workplace {
    folder: PathBuf,
}

/// What is known of a workplace.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    mirror: Record,
    snapshot: Option<Snapshot>,
}

impl Workplace {
    fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// Takes the state away, until [`close`](Self::close) puts it back: a build that is interrupted leaves none,
    /// and the next one begins with an empty folder.
    fn open(&self) -> Result<State, Error> {
        fs::create_dir_all(&self.folder).map_err(Error::io("create", &self.folder))?;
        let state = self.state();
        let found = read_optional(&state)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let tree = self.tree();
        if let (Some(found), true) = (found, tree.is_dir()) {
            fs::remove_file(&state).map_err(Error::io("remove", &state))?;
            return Ok(found);
        }
        if tree.exists() {
            // Moved first: a tool that outlived its node works on where it is.
            let old = half_made(&tree);
            fs::rename(&tree, &old).map_err(Error::io("rename", &tree))?;
        }
        remove_half_made(&tree);
        fs::create_dir(&tree).map_err(Error::io("create", &tree))?;
        Ok(State::default())
    }

    fn close(&self, state: &State) -> Result<(), Error> {
        let path = self.state();
        let new = beside(&path, ".new");
        let bytes = serde_json::to_vec(state).map_err(|e| Error::io("write", &new)(e.into()))?;
        fs::write(&new, bytes).map_err(Error::io("write", &new))?;
        fs::rename(&new, &path).map_err(Error::io("rename", &new))
    }
}
