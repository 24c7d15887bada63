//! Tables and buckets as AWS's own clients find them. What they find is asserted in `tests/clients/state*`.

mod buckets;
mod kills;
mod tables;

use std::path::Path;
use std::process::Command;

use crate::clients::{nodejs_for_state, python, succeed, tests};
use crate::harness::Node;

/// Runs one test of a script of boto3's against a node.
fn boto3(node: &Node, script: &str, test: &str) {
    let mut command = clean(python().join("python"));
    command.arg(tests().join("clients").join(script)).arg(format!("http://{}", node.api));
    succeed(command.arg(test));
}

/// Runs a script of the SDK for JavaScript against a node.
fn javascript(node: &Node, script: &str) {
    let mut command = clean("node");
    command.arg(tests().join("clients").join(script)).arg(format!("http://{}", node.api));
    succeed(command.current_dir(nodejs_for_state()));
}

/// A command that finds no settings of whoever runs the tests.
fn clean(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("AWS_CONFIG_FILE", "/nowhere").env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}
