//! The executable of a `provided` function that is a crate and brings no `bootstrap`.
//!
//! The crate is built where it lies, because it may belong to a workspace and depend on crates beside it, with its
//! target folder in the cache. Only the executable goes into the sandbox; a function that needs other files with
//! it says how it is put together in `build`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lambent_core::Function;
use serde::{Deserialize, Serialize};

use super::cache::beside;
use super::digest::{self, Digest};
use super::tool::Tool;
use super::tree::{self, Purpose};
use super::{CARGO, Error, Job, What, read_optional};

/// The name that a `provided` function's program has.
const BOOTSTRAP: &str = "bootstrap";

/// Files that steer a build from the folders above the code.
const STEERING: [&str; 5] =
    ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "rust-toolchain.toml", "rust-toolchain"];

/// What the last build was made from: the code, and files beside it that cargo said it read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    code: String,
    files: BTreeMap<PathBuf, String>,
    /// The executables that it made, as (name, path).
    programs: Vec<(String, PathBuf)>,
    /// The folders of the cache that programs were put into, by the program's name.
    results: BTreeMap<String, String>,
}

/// Compiles the function's crate, where it is one.
pub(super) fn prepare(job: &mut Job<'_>, function: &mut Function) -> Result<(), Error> {
    let code = &function.code;
    if code.join(BOOTSTRAP).exists() || !code.join("Cargo.toml").exists() {
        return Ok(());
    }
    let mut place = Digest::new("crate");
    place.field(code.as_os_str().as_encoded_bytes());
    let place = format!("cargo/{}", place.name());
    let stamp = beside(&job.cache.path(&place), ".json");

    let inputs = inputs(code, job.cache.root())?;
    if let Some(folder) = unchanged(job, function, &stamp, &inputs)? {
        job.was_ready(What::Crate);
        function.code = folder;
        return Ok(());
    }
    let folder = job.work(What::Crate, |job| {
        let _lock = job.lock(&place)?;
        // Another function of the same crate may have built it meanwhile.
        if let Some(folder) = unchanged(job, function, &stamp, &inputs)? {
            return Ok(folder);
        }
        compile(job, function, &place, &stamp, inputs)
    })?;
    function.code = folder;
    Ok(())
}

/// The digest of the code. `Cargo.lock` is looked at with the files beside it: cargo may write it.
fn inputs(code: &Path, cache: &Path) -> Result<String, Error> {
    let mut entries = tree::walk(code, Purpose::Build, cache)?;
    entries.retain(|entry| entry.path != "Cargo.lock");
    let mut digest = Digest::new("crate sources");
    tree::add(&mut digest, &entries, &tree::digests(&entries)?);
    Ok(digest.name())
}

/// The result of the last build, where nothing changed since.
fn unchanged(
    job: &Job<'_>,
    function: &Function,
    stamp: &Path,
    inputs: &str,
) -> Result<Option<PathBuf>, Error> {
    let Some(bytes) = read_optional(stamp)? else { return Ok(None) };
    let Ok(stamp) = serde_json::from_slice::<Stamp>(&bytes) else { return Ok(None) };
    let same = |(path, before): (&PathBuf, &String)| digest::of_file(path).is_ok_and(|now| now == *before);
    if stamp.code != inputs || !stamp.files.iter().all(same) {
        return Ok(None);
    }
    let (name, _) = choose(function, &stamp.programs)?;
    Ok(stamp.results.get(name).and_then(|result| job.cache.find(result)))
}

fn compile(
    job: &Job<'_>,
    function: &Function,
    place: &str,
    stamp: &Path,
    code: String,
) -> Result<PathBuf, Error> {
    // Emptied first: whatever is written from now on, this build may not have seen.
    fs::write(stamp, "").map_err(Error::io("write", stamp))?;
    let began = modified(stamp).map_err(Error::io("read", stamp))?;

    let target = job.cache.path(place);
    let arguments = ["build", "--release", "--message-format=json-render-diagnostics", "--target-dir"];
    let messages = Tool::new(&CARGO, &function.code)
        .args(arguments)
        .args([&target])
        .answering()
        .run(|line| job.line(line))?;
    let programs = programs(&messages);
    choose(function, &programs)?;

    let mut results = BTreeMap::new();
    let mut folder = None;
    for (name, path) in &programs {
        let result = format!("provided/{}", digest::of_file(path)?);
        let made = keep(job, &result, path)?;
        if choose(function, &programs)?.0 == name {
            folder = Some(made);
        }
        results.insert(name.clone(), result);
    }
    let mut files = BTreeMap::new();
    for path in read_by_cargo(&function.code, &programs) {
        // A file that was written since the build began has a digest that nothing matches: cargo looks again.
        let settled = modified(&path).is_ok_and(|at| at < began);
        files.insert(path.clone(), if settled { digest::of_file(&path)? } else { String::new() });
    }
    let bytes = serde_json::to_vec(&Stamp { code, files, programs, results })
        .map_err(|e| Error::io("write", stamp)(e.into()))?;
    fs::write(stamp, bytes).map_err(Error::io("write", stamp))?;
    folder.ok_or_else(|| Error::NoProgram(function.code.clone()))
}

/// Puts an executable where it stays, under the name that the runtime starts.
fn keep(job: &Job<'_>, result: &str, program: &Path) -> Result<PathBuf, Error> {
    // Two crates may make the same executable.
    let lock = job.lock(result)?;
    job.cache.make(result, &lock, |folder| {
        let bootstrap = folder.join(BOOTSTRAP);
        fs::copy(program, &bootstrap).map_err(Error::io("copy", program))?;
        fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))
            .map_err(Error::io("write", &bootstrap))
    })
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// A message of cargo's about something that it made.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// The executables that cargo says it made.
fn programs(messages: &[String]) -> Vec<(String, PathBuf)> {
    messages
        .iter()
        .filter_map(|message| serde_json::from_str::<Message>(message).ok())
        .filter_map(|message| {
            let target = message.target.filter(|target| target.kind.iter().any(|kind| kind == "bin"))?;
            Some((target.name, message.executable?))
        })
        .collect()
}

/// The executable that is meant: the one called `bootstrap`, or like the function, or the only one.
fn choose<'a>(function: &Function, programs: &'a [(String, PathBuf)]) -> Result<(&'a str, &'a Path), Error> {
    let named = |wanted: &str| programs.iter().find(|(name, _)| name == wanted);
    match named(BOOTSTRAP).or_else(|| named(&function.name.to_string())).or(match programs {
        [only] => Some(only),
        _ => None,
    }) {
        Some((name, path)) => Ok((name, path)),
        None if programs.is_empty() => Err(Error::NoProgram(function.code.clone())),
        None => Err(Error::WhichProgram {
            code: function.code.clone(),
            names: programs.iter().map(|(name, _)| name.clone()).collect(),
        }),
    }
}

/// The files outside of the code that the build read, and those that steer it.
fn read_by_cargo(code: &Path, programs: &[(String, PathBuf)]) -> BTreeSet<PathBuf> {
    let mut files: BTreeSet<PathBuf> = programs
        .iter()
        .filter_map(|(_, program)| fs::read_to_string(program.with_extension("d")).ok())
        .flat_map(|text| dependencies(&text))
        .filter(|path| !path.starts_with(code))
        .collect();
    let folders: BTreeSet<PathBuf> = files
        .iter()
        .map(PathBuf::as_path)
        .chain([code])
        .flat_map(Path::ancestors)
        .map(Path::to_owned)
        .collect();
    let steering = folders
        .iter()
        .flat_map(|folder| STEERING.iter().map(|name| folder.join(name)))
        .filter(|path| path.is_file() && (!path.starts_with(code) || path.ends_with("Cargo.lock")));
    files.extend(steering);
    files
}

/// What a dep-info file lists: `out: in in`, with `\ ` for a blank in a name.
fn dependencies(text: &str) -> Vec<PathBuf> {
    let Some((_, list)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    list.replace("\\ ", "\0")
        .split(' ')
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(name.replace('\0', " ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use lambent_core::Runtime;

    use super::super::tests::function;
    use super::*;

    #[test]
    fn messages_name_the_executables() {
        let messages = [
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"a"},"executable":null}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"b"},"executable":"/t/b"}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "noise",
        ];
        assert_eq!(programs(&messages.map(str::to_owned)), [("b".to_owned(), "/t/b".into())]);
    }

    #[test]
    fn the_executable_that_is_meant_is_taken() {
        let check = |programs: &[&str], expect: Result<&str, &str>| {
            let programs: Vec<_> = programs.iter().map(|name| (name.to_string(), PathBuf::new())).collect();
            let function = function("pay", Runtime::Provided, Path::new("/code"));
            let found = choose(&function, &programs).map(|(name, _)| name).map_err(|e| e.to_string());
            assert_eq!(found, expect.map_err(str::to_owned));
        };
        check(&["a", "bootstrap", "pay"], Ok("bootstrap"));
        check(&["a", "pay"], Ok("pay"));
        check(&["a"], Ok("a"));
        check(
            &["a", "b"],
            Err("/code makes several executables (a, b); name one of them `bootstrap` or like the function"),
        );
        check(&[], Err("/code makes no executable; a `provided` function needs a [[bin]] named `bootstrap`"));
    }

    #[test]
    fn dep_info_is_read() {
        let text = "/t/a: /code/src/main.rs /my\\ libs/lib.rs\n";
        assert_eq!(dependencies(text), [Path::new("/code/src/main.rs"), Path::new("/my libs/lib.rs")]);
    }
}
