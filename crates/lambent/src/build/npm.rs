//! The packages of a `nodejs` function that states them in `package.json` and brings no `node_modules`.
//!
//! They are installed from `package.json` and the lock file alone, so that functions with the same packages share
//! one folder and an edit of the code installs nothing. Without a lock file, the versions that were chosen first
//! stay until `package.json` changes. Where those files are not enough, because a package lies in the code itself
//! or scripts of the function's own run on installation, a copy of the whole code is built.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lambent_core::{Function, Runtime};
use serde::Deserialize;
use serde_json::Value;

use super::command::{self, Order};
use super::digest::Digest;
use super::tool::Tool;
use super::{Error, Job, NPM, What, interpreter, read_optional, tree};

/// Lock files that npm honours, the one that it prefers first.
const LOCKS: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];

/// Lock files of others, and what installs by them.
const OTHER_LOCKS: [(&str, &str); 4] = [
    ("yarn.lock", "yarn install --production --frozen-lockfile"),
    ("pnpm-lock.yaml", "pnpm install --prod --frozen-lockfile --config.node-linker=hoisted"),
    ("bun.lock", "bun install --production --frozen-lockfile"),
    ("bun.lockb", "bun install --production --frozen-lockfile"),
];

/// What npm is told every time.
pub(super) const QUIET: [&str; 3] = ["--no-audit", "--no-fund", "--no-update-notifier"];

/// Scripts of the function's own that run on installation and may need any file of it.
const SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// The part of a `package.json` that counts here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) dependencies: BTreeMap<String, Value>,
    pub(super) optional_dependencies: BTreeMap<String, Value>,
    pub(super) peer_dependencies: BTreeMap<String, Value>,
    scripts: BTreeMap<String, Value>,
    workspaces: Option<Value>,
}

impl Manifest {
    /// The `package.json` of a folder, where there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join("package.json");
        let Some(bytes) = read_optional(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::Manifest { path, reason: e.to_string() })
    }
}

/// What a function's packages ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// `package.json` and the lock file are enough.
    Install {
        locked: bool,
    },
    /// The rest of the code has a part in it.
    Build {
        locked: bool,
    },
}

/// Installs what the function needs.
pub(super) fn prepare(job: &mut Job<'_>, function: &mut Function) -> Result<(), Error> {
    match need(&function.code)? {
        Need::Nothing => {}
        Need::Install { locked } => {
            let version = interpreter(Runtime::Nodejs)?.map_or("", |node| node.version.as_str());
            let name = format!("nodejs/{}", key(&function.code, version)?);
            let code = &function.code;
            let folder = job.folder(What::NpmPackages, &name, |job, to| install(job, code, to, locked))?;
            function.dependencies = Some(folder.join("node_modules"));
        }
        Need::Build { locked } => {
            let arguments: Vec<&str> = [verb(locked)].into_iter().chain(QUIET).collect();
            let command = format!("npm {}", arguments.join(" "));
            let order = Order { what: What::NpmPackages, command: &command, program: Some(&NPM) };
            function.code = command::build(job, function, &order)?;
        }
    }
    Ok(())
}

fn need(code: &Path) -> Result<Need, Error> {
    if code.join("node_modules").exists() {
        return Ok(Need::Nothing);
    }
    let Some(manifest) = Manifest::read(code)? else { return Ok(Need::Nothing) };
    if manifest.dependencies.is_empty() && manifest.optional_dependencies.is_empty() {
        return Ok(Need::Nothing);
    }
    let locked = LOCKS.iter().any(|lock| code.join(lock).exists());
    let other = OTHER_LOCKS.iter().find(|(lock, _)| code.join(lock).exists());
    if let (false, Some((lock, command))) = (locked, other) {
        return Err(Error::OtherLock { code: code.to_owned(), lock, command });
    }
    let mut whole =
        manifest.workspaces.is_some() || SCRIPTS.iter().any(|&name| manifest.scripts.contains_key(name));
    for wanted in manifest.dependencies.values().chain(manifest.optional_dependencies.values()) {
        let Some(path) = wanted.as_str().and_then(local) else { continue };
        if !tree::stays_inside(path) {
            return Err(Error::Outside { file: code.join("package.json"), name: path.to_owned() });
        }
        whole = true;
    }
    Ok(if whole { Need::Build { locked } } else { Need::Install { locked } })
}

/// The path of a package that is a file or folder, as npm understands it.
fn local(wanted: &str) -> Option<&str> {
    if let Some(path) = wanted.strip_prefix("file:").or_else(|| wanted.strip_prefix("link:")) {
        return Some(path.strip_prefix("//").unwrap_or(path));
    }
    let is_path = ["./", "../", "/", "~/"].iter().any(|prefix| wanted.starts_with(prefix));
    is_path.then_some(wanted)
}

fn key(code: &Path, node: &str) -> Result<String, Error> {
    let mut digest = Digest::new("npm packages");
    digest.field(node);
    for name in ["package.json", ".npmrc"].iter().chain(&LOCKS) {
        digest.field(name).optional(read_optional(&code.join(name))?.as_deref());
    }
    Ok(digest.name())
}

fn verb(locked: bool) -> &'static str {
    // `npm ci` takes exactly what the lock file says, and fails where it does not fit.
    if locked { "ci --omit=dev" } else { "install --omit=dev" }
}

fn install(job: &Job<'_>, code: &Path, to: &Path, locked: bool) -> Result<(), Error> {
    for name in LOCKS.iter().chain(&[".npmrc"]).filter(|name| code.join(name).exists()) {
        fs::copy(code.join(name), to.join(name)).map_err(Error::io("copy", code.join(name)))?;
    }
    let path = code.join("package.json");
    let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
    fs::write(to.join("package.json"), without_scripts(&bytes)).map_err(Error::io("write", to))?;
    run(job, to, verb(locked).split(' '))?;
    // It may hold a password of the registry.
    let settings = to.join(".npmrc");
    if settings.exists() {
        fs::remove_file(&settings).map_err(Error::io("remove", &settings))?;
    }
    Ok(())
}

/// Runs npm in `folder`, which has a `node_modules` afterwards.
pub(super) fn run<'a>(
    job: &Job<'_>,
    folder: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    Tool::new(&NPM, folder).args(arguments.into_iter().chain(QUIET)).run(|line| job.line(line))?;
    // npm makes none where every package is optional and none fits.
    let modules = folder.join("node_modules");
    fs::create_dir_all(&modules).map_err(Error::io("create", &modules))
}

/// What remains are `prepare` and the like, which are for the function's developers and their tools.
fn without_scripts(manifest: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<serde_json::Map<String, Value>>(manifest) {
        Ok(mut fields) => {
            fields.remove("scripts");
            serde_json::to_vec_pretty(&fields).unwrap_or_else(|_| manifest.to_owned())
        }
        Err(_) => manifest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Scratch;
    use super::*;

    fn check(manifest: &str, others: &[&str], expect: &str) {
        let scratch = Scratch::new();
        scratch.write("package.json", manifest);
        for other in others {
            scratch.write(other, "{}");
        }
        let found = match need(scratch.root()) {
            Ok(need) => format!("{need:?}"),
            Err(error) => error.to_string().replace(&scratch.root().display().to_string(), "CODE"),
        };
        assert_eq!(found, expect, "{manifest} {others:?}");
    }

    #[test]
    fn it_is_seen_what_is_needed() {
        check("{}", &[], "Nothing");
        check(r#"{"dependencies": {}, "devDependencies": {"a": "1"}}"#, &[], "Nothing");
        check(r#"{"dependencies": {"a": "1"}}"#, &["node_modules/b/x"], "Nothing");
        check(r#"{"dependencies": {"a": "1"}}"#, &[], "Install { locked: false }");
        check(r#"{"optionalDependencies": {"a": "1"}}"#, &[], "Install { locked: false }");
        check(
            r#"{"dependencies": {"a": "1"}}"#,
            &["package-lock.json", "yarn.lock"],
            "Install { locked: true }",
        );
        check(
            r#"{"dependencies": {"a": "1"}, "scripts": {"prepare": "husky"}}"#,
            &[],
            "Install { locked: false }",
        );
        check(
            r#"{"dependencies": {"a": "1"}, "scripts": {"postinstall": "x"}}"#,
            &[],
            "Build { locked: false }",
        );
        check(r#"{"dependencies": {"a": "1"}, "workspaces": ["x"]}"#, &[], "Build { locked: false }");
        check(r#"{"dependencies": {"a": "file:lib/a"}}"#, &["package-lock.json"], "Build { locked: true }");
        check(r#"{"dependencies": {"a": "./a.tgz"}}"#, &[], "Build { locked: false }");
    }

    #[test]
    fn what_cannot_be_installed_is_refused() {
        check(
            r#"{"dependencies": {"a": "file:../a"}}"#,
            &[],
            "CODE/package.json names `../a`, which lies outside of the function's code; move it inside, or install the packages into the code yourself",
        );
        check(
            r#"{"dependencies": {"a": "1"}}"#,
            &["pnpm-lock.yaml"],
            r#"CODE has pnpm-lock.yaml and no package-lock.json: npm would install other versions; set `build`, as in build = "pnpm install --prod --frozen-lockfile --config.node-linker=hoisted""#,
        );
        check(
            r#"{"dependencies": ["a"]}"#,
            &[],
            "CODE/package.json cannot be read as a package.json: invalid type: sequence, expected a map at line 1 column 17",
        );
    }

    #[test]
    fn the_key_changes_with_what_counts() {
        let scratch = Scratch::new();
        let key = |node| key(scratch.root(), node).unwrap();
        scratch.write("package.json", "{}");
        let mut seen = vec![key("20.1.0"), key("22.1.0")];
        for file in ["package.json", "package-lock.json", ".npmrc"] {
            scratch.write(file, "x");
            seen.push(key("20.1.0"));
        }
        scratch.write("index.js", "x");
        assert_eq!(seen.last(), Some(&key("20.1.0")));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5);
    }
}
