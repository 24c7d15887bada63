//! The unmodified clients that other tests use: they are installed below the target folder when a test first wants
//! them, and again when what they are made of has changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::run;

/// The repository's `tests` folder.
pub(crate) fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").canonicalize().unwrap()
}

/// The code of a function of `tests/functions`, built.
pub(crate) fn function(name: &str) -> PathBuf {
    let out = kept("functions").join(name);
    succeed(Command::new(tests().join("functions").join(name).join("build.sh")).arg(&out));
    out
}

/// The `bin` folder of a Python with boto3, the AWS CLI and Celery.
pub(crate) fn python() -> PathBuf {
    python_with("python", "requirements.txt")
}

/// The `bin` folder of a Python with the last boto3 and AWS CLI that speak the query protocol with SQS.
pub(crate) fn python_of_query() -> PathBuf {
    python_with("python-query", "requirements-query.txt")
}

fn python_with(name: &str, requirements: &str) -> PathBuf {
    let inputs = [tests().join("clients").join(requirements)];
    let folder = installed(name, "python3", &inputs, |folder| {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        succeed(pip.arg(&inputs[0]));
    });
    folder.join("bin")
}

/// A folder with the AWS SDK for JavaScript and sqs-consumer in its `node_modules`.
pub(crate) fn nodejs() -> PathBuf {
    packages("nodejs", &tests().join("clients"))
}

/// The same with what the tests of tables and buckets use.
pub(crate) fn nodejs_for_state() -> PathBuf {
    packages("nodejs-state", &tests().join("clients/state"))
}

/// A folder with the packages that are locked in another.
fn packages(name: &str, from: &Path) -> PathBuf {
    let inputs = ["package.json", "package-lock.json"].map(|name| from.join(name));
    installed(name, "node", &inputs, |folder| {
        fs::create_dir_all(folder).unwrap();
        for input in &inputs {
            fs::copy(input, folder.join(input.file_name().unwrap())).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        succeed(npm.current_dir(folder));
    })
}

/// Runs a command, which must succeed, and gives what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", shown(&output.stdout), shown(&output.stderr));
    shown(&output.stdout)
}

/// The folder `name`, filled by `install` unless it was, by this version of `program` and from these inputs. Other
/// tests, and other runs of the tests, wait.
fn installed(name: &str, program: &str, inputs: &[PathBuf], install: impl FnOnce(&Path)) -> PathBuf {
    let folder = kept("clients").join(name);
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let mut stamp = succeed(Command::new(program).arg("--version"));
    stamp.extend(inputs.iter().map(|input| fs::read_to_string(input).unwrap()));
    let stamp_file = folder.with_extension("made-of");
    if fs::read_to_string(&stamp_file).is_ok_and(|made_of| made_of == stamp) {
        return folder;
    }
    fs::remove_dir_all(&folder).ok();
    install(&folder);
    fs::write(stamp_file, stamp).unwrap();
    folder
}

/// A folder below the target folder, for what outlives a test.
fn kept(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}
