//! The environment variables that a function finds (semantics.md 1.6).

use std::collections::BTreeMap;

use lambent_core::runtime::Start;
use lambent_core::{FunctionVersion, NodeIdentity};

/// Where the jail shows a function its code.
pub const TASK_ROOT: &str = "/var/task";

/// Where the jail shows a managed runtime its bootstrap.
pub const RUNTIME_DIR: &str = "/var/runtime";

/// The whole environment of one process of a function.
///
/// Later ones win: what the node gives every function, what the owner set, what the runtime needs, what the
/// platform reserves.
pub(crate) fn build(
    version: &FunctionVersion,
    identity: &NodeIdentity,
    node: &[(String, String)],
    runtime: &[(String, String)],
    log_stream: &str,
) -> Vec<(String, String)> {
    let function = &version.function;
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut set = |name: &str, value: &str| drop(all.insert(name.to_owned(), value.to_owned()));

    set("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/opt/bin");
    set("LD_LIBRARY_PATH", "/var/task:/var/task/lib:/opt/lib");
    set("LANG", "C.UTF-8");
    set("TZ", ":UTC");
    set("HOME", "/tmp");
    set("SHLVL", "0");
    for (name, value) in node {
        set(name, value);
    }
    for (name, value) in &function.environment {
        set(name, value);
    }
    for (name, value) in runtime {
        set(name, value);
    }
    set("AWS_REGION", &identity.region);
    set("AWS_DEFAULT_REGION", &identity.region);
    set("AWS_LAMBDA_FUNCTION_NAME", function.name.as_str());
    set("AWS_LAMBDA_FUNCTION_VERSION", &version.version);
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mib.to_string());
    set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    set("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name));
    set("AWS_LAMBDA_LOG_STREAM_NAME", log_stream);
    set("LAMBDA_TASK_ROOT", TASK_ROOT);
    set("LAMBDA_RUNTIME_DIR", RUNTIME_DIR);
    set("PWD", TASK_ROOT);
    if function.runtime.row().start != Start::Command {
        set("_HANDLER", &function.handler);
    }
    all.into_iter().collect()
}
