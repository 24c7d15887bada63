//! `environment`: the variables of a function's owner, apart from those that are the platform's.

use std::collections::BTreeMap;

use lambent_core::limits;

use crate::fault::{Fault, Faults, Read};
use crate::later;
use crate::node::Node;
use crate::suggest::quote;

/// Names that only the platform sets (semantics.md 1.6), besides all that begin with `_`.
pub(crate) const RESERVED: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "PWD",
    "SHLVL",
];

/// By this name Lambda starts a script around the runtime.
const WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";

/// What a value begins with that names a secret.
const SECRET: &str = "secret:";

/// Reads the variables.
pub(crate) fn read(node: &Node<'_>) -> Read<BTreeMap<String, String>> {
    let mut faults = Faults::default();
    let mut variables = BTreeMap::new();
    for entry in node.entries("a table of strings, as in { TABLE = \"Users\" }")? {
        _ = faults.keep(check_name(&entry));
        if let Some(value) = faults.keep(value(&entry)) {
            variables.insert(entry.name.to_owned(), value.to_owned());
        }
    }
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits::ENVIRONMENT_MAX {
        let max = limits::ENVIRONMENT_MAX;
        let fault = node.spot.key_fault(format!("names and values have {bytes} bytes: at most {max}"));
        faults.push(
            fault.suggest("put what is long into a file of the code, and its name into the environment"),
        );
    }
    faults.or(variables)
}

fn check_name(entry: &Node<'_>) -> Read<()> {
    let name = entry.name;
    let fault = |message: String| Err(Faults::from(entry.spot.key_fault(message)));
    if RESERVED.contains(&name) {
        return fault(format!("`{name}` is set by the platform"));
    }
    if name == WRAPPER {
        let fault = entry.spot.key_fault("wrapper scripts are not supported in this release".to_owned());
        return Err(fault
            .suggest("do what the script does in the handler's module, or use `provided`")
            .into());
    }
    if name.starts_with("LAMBENT_") {
        return fault("names that begin with `LAMBENT_` are the platform's".to_owned());
    }
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.len() < 2 || !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.bytes().all(known) {
        return fault(format!(
            "{} is no name: a letter, then letters, digits and `_`, two or more together",
            quote(name)
        ));
    }
    Ok(())
}

fn value<'a>(entry: &Node<'a>) -> Read<&'a str> {
    let value = entry.text("a string").map_err(|faults| in_quotes(entry, faults))?;
    if value.starts_with(SECRET) {
        let fault = entry
            .spot
            .fault(format!("{} names a secret: secrets are not supported in this release", quote(value)));
        return Err(fault.suggest(later::SECRETS).into());
    }
    Ok(value)
}

/// A number or a truth value only lacks its quotes.
fn in_quotes(entry: &Node<'_>, faults: Faults) -> Faults {
    use toml::de::DeValue::{Boolean, Float, Integer};
    let plain = match entry.value {
        Integer(number) => number.to_string(),
        Float(number) => number.to_string(),
        Boolean(truth) => truth.to_string(),
        _ => return faults,
    };
    let suggest = |fault: Fault| fault.suggest(format!("write {}", quote(&plain)));
    faults.into_vec().into_iter().map(suggest).collect()
}
