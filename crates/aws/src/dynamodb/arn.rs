//! Names of tables, indexes and streams for clients. The database is in a region of its own making; what it says of
//! itself is moved to the node's, and back where it compares what a client gives with its own.

use dynoxide::actions::TableDescription;
use lambent_core::NodeIdentity;

/// What the database's own names begin with.
const OWN: &str = "arn:aws:dynamodb:dynoxide:000000000000:";

/// The node's name for something of the database's.
pub(super) fn outward(node: &NodeIdentity, arn: &mut String) {
    if let Some(rest) = arn.strip_prefix(OWN) {
        *arn = format!("{}{rest}", prefix(node));
    }
}

/// The database's name for something that the node named.
pub(super) fn inward(node: &NodeIdentity, arn: &mut String) {
    if let Some(rest) = arn.strip_prefix(&prefix(node)) {
        *arn = format!("{OWN}{rest}");
    }
}

/// Every name in the description of a table.
pub(super) fn describe(node: &NodeIdentity, table: &mut TableDescription) {
    outward(node, &mut table.table_arn);
    if let Some(arn) = &mut table.latest_stream_arn {
        outward(node, arn);
    }
    for index in table.global_secondary_indexes.iter_mut().flatten() {
        outward(node, &mut index.index_arn);
    }
    for index in table.local_secondary_indexes.iter_mut().flatten() {
        outward(node, &mut index.index_arn);
    }
    for index in table.vector_indexes.iter_mut().flatten() {
        outward(node, &mut index.index_arn);
    }
}

fn prefix(node: &NodeIdentity) -> String {
    format!("arn:aws:dynamodb:{}:{}:", node.region, node.account)
}
