//! What Lambent does not do with a table: to accept it would be to promise it.

use std::collections::BTreeMap;

use dynoxide::DynoxideError;
use serde_json::value::RawValue;

use super::decode::decode;

/// What CreateTable and UpdateTable may say that has no meaning here.
const MEMBERS: &[(&str, &str)] = &[
    ("SSESpecification", "tables are not encrypted: put the data folder on an encrypted disk"),
    ("ResourcePolicy", "there are no policies: who has a key of the node's may do everything"),
    ("ReplicaUpdates", "tables have no replicas"),
    ("GlobalTableWitnessUpdates", "tables have no replicas"),
    ("GlobalTableSourceArn", "tables have no replicas"),
    ("GlobalTableSettingsReplicationMode", "tables have no replicas"),
    ("MultiRegionConsistency", "tables have no replicas"),
    ("WarmThroughput", "tables are always warm"),
];

/// Refuses a table that is asked to be what no table here is.
///
/// # Errors
/// `ValidationException` with the parameter's name.
pub(super) fn check(body: &str) -> Result<(), DynoxideError> {
    let members: BTreeMap<String, Box<RawValue>> = decode(body)?;
    for (name, why) in MEMBERS {
        let Some(value) = members.get(*name) else { continue };
        // What is switched off is as it is here.
        let off = value.get().chars().filter(|c| !c.is_whitespace()).eq("{\"Enabled\":false}".chars());
        if !matches!(value.get(), "null" | "[]") && !off {
            return Err(DynoxideError::ValidationException(format!(
                "Lambent does not support {name}: {why}. Leave it out."
            )));
        }
    }
    Ok(())
}
