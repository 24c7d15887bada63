//! Python, by our own bootstrap.

use std::path::Path;
use std::sync::OnceLock;

use lambent_core::Function;

use super::interpreter::{Interpreter, Search};
use super::{Error, Plan, Protocol};
use crate::environment::RUNTIME_DIR;
use crate::process::Bind;

/// The bootstrap, by path below the folder of the bootstraps.
pub(super) const BOOTSTRAP: &[(&str, &str)] = &[
    ("python/bootstrap.py", include_str!("bootstrap/python/bootstrap.py")),
    ("python/lambent_runtime/__init__.py", include_str!("bootstrap/python/lambent_runtime/__init__.py")),
    ("python/lambent_runtime/answers.py", include_str!("bootstrap/python/lambent_runtime/answers.py")),
    ("python/lambent_runtime/context.py", include_str!("bootstrap/python/lambent_runtime/context.py")),
    ("python/lambent_runtime/errors.py", include_str!("bootstrap/python/lambent_runtime/errors.py")),
    ("python/lambent_runtime/frames.py", include_str!("bootstrap/python/lambent_runtime/frames.py")),
    ("python/lambent_runtime/handler.py", include_str!("bootstrap/python/lambent_runtime/handler.py")),
    (
        "python/lambent_runtime/log_records.py",
        include_str!("bootstrap/python/lambent_runtime/log_records.py"),
    ),
    ("python/lambent_runtime/logs.py", include_str!("bootstrap/python/lambent_runtime/logs.py")),
    ("python/lambent_runtime/main.py", include_str!("bootstrap/python/lambent_runtime/main.py")),
    (
        "python/lambent_runtime/search_path.py",
        include_str!("bootstrap/python/lambent_runtime/search_path.py"),
    ),
];

/// Where the packages are that the build step installed.
const DEPENDENCIES: &str = "/var/dependencies";

/// Where the bootstrap looks for the SDK, after everything else.
const SDK: &str = "/var/runtime/python-sdk";

const SEARCH: Search = Search {
    program: "python3",
    // `-S` keeps the host's site packages, and the time that they cost, out of it.
    arguments: &[
        "-S",
        "-c",
        "import sys; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3]); print(sys.base_prefix)",
    ],
    least: (3, 9),
    least_text: "3.9",
    hint: "install Python 3.9 or newer (Debian and Ubuntu: `apt install python3`)",
};

pub(super) fn interpreter() -> Result<&'static Interpreter, Error> {
    static FOUND: OnceLock<Result<Interpreter, Error>> = OnceLock::new();
    FOUND.get_or_init(|| SEARCH.run()).as_ref().map_err(Clone::clone)
}

pub(super) fn plan(function: &Function, bootstraps: &Path) -> Result<Plan, Error> {
    let python = interpreter()?;
    let mut binds = python.binds();
    binds.push(Bind::read_only(bootstraps.join("python"), RUNTIME_DIR));
    if let Some(folder) = &function.sdk {
        binds.push(Bind::read_only(folder, SDK));
    }
    let mut python_path = function.environment.get("PYTHONPATH").cloned().unwrap_or_default();
    if let Some(folder) = &function.dependencies {
        binds.push(Bind::read_only(folder, DEPENDENCIES));
        python_path = [DEPENDENCIES, &python_path].join(":").trim_end_matches(':').to_owned();
    }
    let minor: Vec<&str> = python.version.split('.').take(2).collect();
    let environment = vec![
        ("AWS_EXECUTION_ENV".to_owned(), format!("AWS_Lambda_python{}", minor.join("."))),
        ("PYTHONPATH".to_owned(), python_path),
        // The code is mounted read-only: trying to write byte code beside it is wasted time.
        ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
    ];
    let command = [
        python.path.to_string_lossy().into_owned(),
        "-S".into(),
        "-u".into(),
        format!("{RUNTIME_DIR}/bootstrap.py"),
    ];
    Ok(Plan { command: command.into(), environment, binds, links: Vec::new(), protocol: Protocol::Frames })
}
