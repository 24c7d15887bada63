//! Any executable `bootstrap` that speaks the Runtime API.

use std::os::unix::fs::PermissionsExt;

use lambent_core::Function;

use super::{Error, Plan, Protocol};
use crate::environment::TASK_ROOT;
use crate::process::Bind;

pub(super) fn plan(function: &Function) -> Result<Plan, Error> {
    let bootstrap = function.code.join("bootstrap");
    let executable =
        std::fs::metadata(&bootstrap).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if !executable {
        return Err(Error::NoBootstrap(function.code.clone()));
    }
    Ok(Plan {
        command: vec![format!("{TASK_ROOT}/bootstrap")],
        // A `bootstrap` is often a script for one of the interpreters that the host has outside of /usr.
        environment: vec![("PATH".to_owned(), path_with_interpreters())],
        binds: interpreters(),
        links: Vec::new(),
        protocol: Protocol::RuntimeApi,
    })
}

/// The interpreters that are found, as far as they lie outside of the system's own folders.
pub(super) fn interpreters() -> Vec<Bind> {
    [super::nodejs::interpreter(), super::python::interpreter()]
        .into_iter()
        .filter_map(Result::ok)
        .flat_map(super::Interpreter::binds)
        .collect()
}

/// The usual `PATH`, with the folders of the interpreters that are found first.
pub(super) fn path_with_interpreters() -> String {
    let mut folders: Vec<String> = [super::nodejs::interpreter(), super::python::interpreter()]
        .into_iter()
        .filter_map(Result::ok)
        .filter_map(|found| Some(found.path.parent()?.to_string_lossy().into_owned()))
        .collect();
    folders.extend(["/usr/local/bin", "/usr/bin", "/bin", "/opt/bin"].map(str::to_owned));
    folders.dedup();
    folders.join(":")
}
