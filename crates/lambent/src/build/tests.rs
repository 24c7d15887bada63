//! Functions made ready with the real npm, pip and cargo, and the folders that tests work in.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lambent_core::{Function, FunctionName, Runtime};

use super::progress::Event;
use super::*;

/// A folder that is removed at the end of a test.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("lambent-build-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        Self(root)
    }

    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn builder(&self) -> Builder {
        Builder::new(self.path("cache"), Progress::new(|_| {}))
    }

    /// Makes the function in `code` ready.
    fn prepare(&self, runtime: Runtime, build: Option<&str>) -> Result<(Function, Prepared), Error> {
        let mut function = function("pay", runtime, &self.path("code"));
        function.build = build.map(str::to_owned);
        let prepared = self.builder().prepare(&mut function)?;
        Ok((function, prepared))
    }

    /// Makes it ready twice: the second time, everything is there.
    fn prepare_twice(&self, runtime: Runtime, build: Option<&str>) -> (Function, Vec<What>) {
        let (first, prepared) = self.prepare(runtime, build).unwrap();
        assert!(prepared.steps.iter().all(|step| step.took.is_some()), "{prepared:?}");
        let (second, again) = self.prepare(runtime, build).unwrap();
        assert!(again.steps.iter().all(|step| step.took.is_none()), "{again:?}");
        assert_eq!(first, second);
        (second, again.steps.iter().map(|step| step.what).collect())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

pub(super) fn function(name: &str, runtime: Runtime, code: &Path) -> Function {
    Function {
        name: FunctionName::parse(name).unwrap(),
        runtime,
        code: code.to_owned(),
        handler: "index.handler".into(),
        command: Vec::new(),
        timeout: Duration::from_secs(3),
        memory_mib: 128,
        tmp_mib: 64,
        environment: BTreeMap::new(),
        layers: Vec::new(),
        keep_alive: Duration::from_secs(60),
        build: None,
        dependencies: None,
        sdk: None,
    }
}

fn output(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn code_that_needs_nothing_stays_as_it_is() {
    let scratch = Scratch::new();
    scratch.write("code/index.js", "exports.handler = async () => require('fs')");
    scratch.write("code/package.json", "{}");
    scratch.write("code/requirements.txt", "# none\n");
    for runtime in [Runtime::Nodejs, Runtime::Python, Runtime::Provided, Runtime::Http] {
        let (made, prepared) = scratch.prepare(runtime, None).unwrap();
        assert_eq!(made, function("pay", runtime, &scratch.path("code")));
        assert_eq!(prepared, Prepared::default());
    }
    assert!(!scratch.path("cache").exists());
}

#[test]
fn npm_packages_are_installed_once() {
    let scratch = Scratch::new();
    let manifest = r#"{"dependencies": {"is-number": "7.0.0"}, "scripts": {"prepare": "no-such-program"}}"#;
    scratch.write("code/package.json", manifest);
    scratch.write("code/.npmrc", "fund=false\n");
    let (function, steps) = scratch.prepare_twice(Runtime::Nodejs, None);
    assert_eq!(steps, [What::NpmPackages]);
    let packages = function.dependencies.unwrap();
    assert!(packages.join("is-number/package.json").exists());
    assert!(!packages.with_file_name(".npmrc").exists(), "it may hold a password");
    assert!(!scratch.path("code/node_modules").exists());

    // A lock file is taken exactly: npm refuses one that does not fit.
    scratch.write("code/package-lock.json", r#"{"lockfileVersion": 3, "packages": {"": {}}}"#);
    let error = scratch.prepare(Runtime::Nodejs, None).unwrap_err().to_string();
    assert!(error.contains("`npm ci --omit=dev"), "{error}");
    assert!(error.contains("Missing: is-number@7.0.0 from lock file"), "{error}");
    let left = fs::read_dir(scratch.path("cache/nodejs")).unwrap();
    let half_made = left.filter(|entry| entry.as_ref().unwrap().path().to_string_lossy().contains("half"));
    assert_eq!(half_made.count(), 0);
}

#[test]
fn a_package_in_the_code_is_installed_with_it() {
    let scratch = Scratch::new();
    scratch.write("code/package.json", r#"{"dependencies": {"shop": "file:lib/shop"}}"#);
    scratch.write("code/lib/shop/package.json", r#"{"name": "shop", "version": "1.0.0", "main": "main.js"}"#);
    scratch.write("code/lib/shop/main.js", "module.exports = 42");
    let (function, steps) = scratch.prepare_twice(Runtime::Nodejs, None);
    assert_eq!(steps, [What::NpmPackages]);
    let require = format!("require({:?} + '/node_modules/shop')", function.code.display().to_string());
    assert_eq!(output("node", &["-p", &require]), "42");
}

#[test]
fn python_packages_are_installed_once() {
    let scratch = Scratch::new();
    scratch.write("code/requirements.txt", "-r more.txt\n");
    scratch.write("code/more.txt", "six==1.17.0\n");
    let (function, steps) = scratch.prepare_twice(Runtime::Python, None);
    assert_eq!(steps, [What::PythonPackages]);
    assert!(function.dependencies.unwrap().join("six.py").exists());
    assert_eq!(function.code, scratch.path("code"));

    scratch.write("code/more.txt", "six==0.0.0\n");
    let error = scratch.prepare(Runtime::Python, None).unwrap_err().to_string();
    assert!(error.contains("No matching distribution found for six==0.0.0"), "{error}");

    // As `pip install -t .` and `sam build` leave it.
    fs::create_dir(scratch.path("code/six-1.17.0.dist-info")).unwrap();
    assert_eq!(scratch.prepare(Runtime::Python, None).unwrap().1.steps, []);
}

#[test]
fn a_crate_is_compiled_when_it_changed() {
    let scratch = Scratch::new();
    let package =
        |name: &str| format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    scratch.write("code/Cargo.toml", &format!("{}[dependencies]\nlib.path = \"../lib\"\n", package("pay")));
    scratch.write("code/src/main.rs", "fn main() { println!(\"{}\", lib::ANSWER) }");
    scratch.write("code/src/bin/other.rs", "fn main() {}");
    scratch.write("lib/Cargo.toml", &package("lib"));
    scratch.write("lib/src/lib.rs", "pub const ANSWER: u8 = 42;");
    let run = || {
        let (function, prepared) = scratch.prepare(Runtime::Provided, None).unwrap();
        let worked = prepared.steps.iter().any(|step| step.took.is_some());
        (output(function.code.join("bootstrap"), &[]), worked, function.code)
    };
    let (answer, _, first) = run();
    assert_eq!(answer, "42");
    // What cargo wrote itself, the lock file, makes it look once more.
    run();
    assert_eq!(run(), ("42".to_owned(), false, first.clone()));
    assert!(!scratch.path("code/target").exists());

    scratch.write("lib/src/lib.rs", "pub const ANSWER: u8 = 43;");
    let (answer, worked, second) = run();
    assert_eq!((answer.as_str(), worked), ("43", true));
    assert_eq!(output(first.join("bootstrap"), &[]), "42", "the old version keeps its executable");
    assert_ne!(first, second);

    scratch.write("code/src/main.rs", "fn main() { nonsense }");
    let error = scratch.prepare(Runtime::Provided, None).unwrap_err().to_string();
    assert!(error.contains("cannot find value `nonsense`"), "{error}");
    scratch.write("code/src/main.rs", "fn main() { println!(\"44\") }");
    assert_eq!(run().0, "44");
}

#[test]
fn builds_are_incremental_and_results_stay() {
    let scratch = Scratch::new();
    scratch.write("code/a.txt", "1");
    scratch.write("code/same.txt", "same");
    scratch.write("code/.git/config", "");
    let command =
        "echo x >> runs; cat a.txt > made.txt; echo \"$LAMBENT_CODE\" > from; [ ! -e a.txt ] || touch .x";
    let build = || scratch.prepare_twice(Runtime::Http, Some(command)).0.code;
    let first = build();
    assert_eq!(fs::read_to_string(first.join("made.txt")).unwrap(), "1");
    assert_eq!(
        fs::read_to_string(first.join("from")).unwrap().trim(),
        scratch.path("code").to_string_lossy()
    );
    assert!(!first.join(".git").exists());
    assert!(!scratch.path("code/made.txt").exists());

    scratch.write("code/a.txt", "2");
    scratch.write("code/new.txt", "new");
    let second = build();
    assert_eq!(fs::read_to_string(second.join("made.txt")).unwrap(), "2");
    assert_eq!(fs::read_to_string(second.join("runs")).unwrap(), "x\nx\n", "what was made before is there");
    assert_eq!(fs::read_to_string(first.join("made.txt")).unwrap(), "1", "the old version keeps its code");
    let inode = |folder: &Path| fs::metadata(folder.join("same.txt")).unwrap().ino();
    assert_eq!(inode(&first), inode(&second), "what did not change is not copied");

    fs::remove_file(scratch.path("code/new.txt")).unwrap();
    scratch.write("code/a.txt", "3");
    let third = build();
    assert!(!third.join("new.txt").exists(), "what was removed from the code is not in the result");
    scratch.write("code/new.txt", "new");
    scratch.write("code/a.txt", "2");
    assert_eq!(
        scratch.prepare(Runtime::Http, Some(command)).unwrap().0.code,
        second,
        "nothing is built twice"
    );
}

#[test]
fn a_build_that_changes_its_own_sources_gets_them_fresh() {
    let scratch = Scratch::new();
    scratch.write("code/page.html", "VERSION");
    for text in ["1", "2"] {
        scratch.write("code/version", text);
        let (function, _) =
            scratch.prepare(Runtime::Http, Some("sed -i s/VERSION/$(cat version)/ page.html")).unwrap();
        assert_eq!(fs::read_to_string(function.code.join("page.html")).unwrap(), text);
    }
}

#[test]
fn a_failed_build_goes_on_and_an_interrupted_one_begins_anew() {
    let scratch = Scratch::new();
    scratch.write("code/how", "exit 1");
    let command = "echo x >> runs; . ./how";
    let failure = || match scratch.prepare(Runtime::Http, Some(command)) {
        Err(Error::Tool(failure)) => failure,
        other => panic!("{other:?}"),
    };
    assert!(!failure().was_interrupted());
    scratch.write("code/how", "kill -INT $$");
    assert!(failure().was_interrupted());
    let runs = |script: &str| {
        scratch.write("code/how", script);
        let (function, _) = scratch.prepare(Runtime::Http, Some(command)).unwrap();
        fs::read_to_string(function.code.join("runs")).unwrap()
    };
    assert_eq!(runs("true"), "x\n");
    scratch.write("code/how", "exit 1");
    failure();
    assert_eq!(runs(":"), "x\nx\nx\n");

    let missing = scratch.prepare(Runtime::Http, Some("no-such-program")).unwrap_err().to_string();
    assert!(missing.contains("exit status 127; a program of the command was not found"), "{missing}");
}

#[test]
fn the_sdk_for_javascript_is_offered_to_code_that_uses_it() {
    let scratch = Scratch::new();
    scratch.write("code/index.mjs", "import { S3 } from '@aws-sdk/client-s3';");
    let (function, steps) = scratch.prepare_twice(Runtime::Nodejs, None);
    assert_eq!(steps, [What::Sdk]);
    let sdk = function.sdk.unwrap();
    for package in ["client-s3", "client-dynamodb", "lib-dynamodb", "s3-request-presigner"] {
        assert!(sdk.join("@aws-sdk").join(package).is_dir(), "{package}");
    }
    let load = format!("typeof require({:?}).S3", sdk.join("@aws-sdk/client-s3").display().to_string());
    assert_eq!(output("node", &["-p", &load]), "function");

    scratch.write("code/node_modules/@aws-sdk/client-s3/package.json", "{}");
    assert_eq!(scratch.prepare(Runtime::Nodejs, None).unwrap().0.sdk, None, "it brings its own");
}

#[test]
fn further_packages_of_the_sdk_are_added() {
    let scratch = Scratch::new();
    scratch.write("code/index.js", "require('@aws-sdk/client-s3'); require('@aws-sdk/client-textract')");
    let sdk = scratch.prepare_twice(Runtime::Nodejs, None).0.sdk.unwrap();
    let version = |package: &str| {
        let manifest = fs::read(sdk.join("@aws-sdk").join(package).join("package.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&manifest).unwrap()["version"].clone()
    };
    assert_eq!(version("client-textract"), version("client-s3"));
}

#[test]
fn the_sdk_for_python_is_offered_to_code_that_uses_it() {
    let scratch = Scratch::new();
    scratch.write("code/index.py", "import json, boto3\n");
    let (function, steps) = scratch.prepare_twice(Runtime::Python, None);
    assert_eq!(steps, [What::Sdk]);
    let path = format!(
        "import sys; sys.path.append({:?}); import boto3; print(boto3.__version__)",
        function.sdk.unwrap()
    );
    assert!(output("python3", &["-S", "-c", &path]).starts_with("1."));

    scratch.write("code/boto3/__init__.py", "");
    assert_eq!(scratch.prepare(Runtime::Python, None).unwrap().0.sdk, None, "it brings its own");
}

#[test]
fn two_functions_with_the_same_packages_install_them_once() {
    let scratch = Scratch::new();
    scratch.write("code/requirements.txt", "six==1.16.0\n");
    let installs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&installs);
    let progress = Progress::new(move |event| {
        if let Event::Line { text, .. } = event {
            seen.lock().unwrap().extend(text.contains("Successfully installed").then(|| text.to_owned()));
        }
    });
    let builder = Builder::new(scratch.path("cache"), progress);
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let mut function = function(name, Runtime::Python, &scratch.path("code"));
            let builder = builder.clone();
            scope.spawn(move || builder.prepare(&mut function).unwrap());
        }
    });
    assert_eq!(installs.lock().unwrap().len(), 1);
    assert_eq!(scratch.read("code/requirements.txt"), "six==1.16.0\n");
}
