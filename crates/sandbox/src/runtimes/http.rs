//! Any web server program that listens on `$PORT`.

use lambent_core::Function;

use super::provided::{interpreters, path_with_interpreters};
use super::{Plan, Protocol};

pub(super) fn plan(function: &Function) -> Plan {
    Plan {
        command: function.command.clone(),
        environment: vec![("PATH".to_owned(), path_with_interpreters())],
        binds: interpreters(),
        links: Vec::new(),
        protocol: Protocol::Http,
    }
}
