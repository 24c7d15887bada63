//! Node.js, by our own bootstrap.

use std::path::Path;
use std::sync::OnceLock;

use lambent_core::Function;

use super::interpreter::{Interpreter, Search};
use super::{Error, Plan, Protocol};
use crate::environment::RUNTIME_DIR;
use crate::process::Bind;

/// The bootstrap, by path below the folder of the bootstraps.
pub(super) const BOOTSTRAP: &[(&str, &str)] = &[
    ("nodejs/context.cjs", include_str!("bootstrap/nodejs/context.cjs")),
    ("nodejs/errors.cjs", include_str!("bootstrap/nodejs/errors.cjs")),
    ("nodejs/frames.cjs", include_str!("bootstrap/nodejs/frames.cjs")),
    ("nodejs/globals.cjs", include_str!("bootstrap/nodejs/globals.cjs")),
    ("nodejs/handler.cjs", include_str!("bootstrap/nodejs/handler.cjs")),
    ("nodejs/index.cjs", include_str!("bootstrap/nodejs/index.cjs")),
    ("nodejs/invocation.cjs", include_str!("bootstrap/nodejs/invocation.cjs")),
    ("nodejs/logs.cjs", include_str!("bootstrap/nodejs/logs.cjs")),
    ("nodejs/streaming.cjs", include_str!("bootstrap/nodejs/streaming.cjs")),
];

/// Where packages are looked for besides the code's own `node_modules`. What the build step installed is one
/// folder above the code, and the SDK at the root: Node looks there by itself, for both kinds of modules.
const DEPENDENCIES: &str = "/var/node_modules";
const SDK: &str = "/node_modules";
const LAYERS: &str = "/opt/nodejs/node_modules";

const SEARCH: Search = Search {
    program: "node",
    arguments: &[
        "-p",
        "[process.execPath, process.version, require('path').dirname(require('path').dirname(require('fs').realpathSync(process.execPath)))].join('\\n')",
    ],
    least: (18, 0),
    least_text: "18",
    hint: "install Node.js 18 or newer (Debian and Ubuntu: `apt install nodejs`)",
};

pub(super) fn interpreter() -> Result<&'static Interpreter, Error> {
    static FOUND: OnceLock<Result<Interpreter, Error>> = OnceLock::new();
    FOUND.get_or_init(|| SEARCH.run()).as_ref().map_err(Clone::clone)
}

pub(super) fn plan(function: &Function, bootstraps: &Path) -> Result<Plan, Error> {
    let node = interpreter()?;
    let mut binds = node.binds();
    binds.push(Bind::read_only(bootstraps.join("nodejs"), RUNTIME_DIR));
    let mut links = Vec::new();
    match &function.dependencies {
        Some(folder) => binds.push(Bind::read_only(folder, DEPENDENCIES)),
        None => links.push((DEPENDENCIES.into(), LAYERS.into())),
    }
    if let Some(folder) = &function.sdk {
        binds.push(Bind::read_only(folder, SDK));
    }
    let major = node.version.split('.').next().unwrap_or_default();
    let node_path = format!("/opt/nodejs/node{major}/node_modules:{LAYERS}:{SDK}");
    let mut environment = vec![("AWS_EXECUTION_ENV".to_owned(), format!("AWS_Lambda_nodejs{major}.x"))];
    // One of the few names that the owner may set (semantics.md 1.6).
    if !function.environment.contains_key("NODE_PATH") {
        environment.push(("NODE_PATH".to_owned(), node_path));
    }
    let command = [node.path.to_string_lossy().into_owned(), format!("{RUNTIME_DIR}/index.cjs")];
    Ok(Plan { command: command.into(), environment, binds, links, protocol: Protocol::Frames })
}
