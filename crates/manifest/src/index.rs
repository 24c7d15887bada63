//! `[tables.NAME.indexes.NAME]`: other keys that the items of a table are found by.

use lambent_core::table::{Attribute, Projection, TableIndex, TableKey};
use toml::de::DeValue;

use crate::attribute;
use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::suggest::quote;
use crate::table::{check_name, check_sort, one_of};

/// Most attributes that an index holds beside its keys (DynamoDB quotas).
const ATTRIBUTES_MAX: usize = 100;

/// What the keys of an index fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    key: Option<Attribute>,
    sort: Option<Attribute>,
    projection: Option<Projection>,
}

/// The keys of an index.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "an index",
    about: "A global secondary index. It holds the items that have its key; several items can have the same. One that \
            is added to a table holds what is there already.",
    keys: &[
        Key {
            name: "key",
            form: Form::Words("[attribute](#attributes)"),
            need: Need::Required,
            example: r#""city""#,
            about: "The attribute that items are found by.",
            read: |draft, node| set(&mut draft.key, attribute::read(node)),
        },
        Key {
            name: "sort",
            form: Form::Words("[attribute](#attributes)"),
            need: Need::Without("in no order that means anything"),
            example: r#"{ name = "created-at", type = "number" }"#,
            about: "The attribute that orders the items of one key.",
            read: |draft, node| set(&mut draft.sort, attribute::read(node)),
        },
        Key {
            name: "attributes",
            form: Form::Words("`\"all\"`, `\"keys\"` or array of names"),
            need: Need::Without("`\"all\"`"),
            example: r#"["name", "total"]"#,
            about: "Which attributes the index holds: all, the keys of table and index, or the keys and these.",
            read: |draft, node| set(&mut draft.projection, projection(node)),
        },
    ],
    later: &[],
};

/// Reads an index.
pub(crate) fn read(node: &Node<'_>) -> Read<TableIndex> {
    let mut faults = Faults::default();
    _ = faults.keep(check_name(node, "index"));
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    faults.append(check_sort(node, draft.key.as_ref(), draft.sort.as_ref()));
    let Draft { key, sort, projection } = draft;
    let Some(partition) = key else { return Err(faults) };
    let key = TableKey { partition, sort };
    faults.or(TableIndex { name: node.name.to_owned(), key, projection: projection.unwrap_or_default() })
}

fn projection(node: &Node<'_>) -> Read<Projection> {
    if let DeValue::String(text) = node.value {
        return match text.as_ref() {
            "all" => Ok(Projection::All),
            "keys" => Ok(Projection::Keys),
            text => {
                let fault = node.spot.fault(format!("{} is no set of attributes", quote(text)));
                Err(one_of(fault, text, &["all", "keys"]).into())
            }
        };
    }
    let items: Vec<_> = node.items("\"all\", \"keys\" or an array of names")?.collect();
    if items.is_empty() || items.len() > ATTRIBUTES_MAX {
        let fault = node.spot.fault(format!("must have 1 to {ATTRIBUTES_MAX} names"));
        return Err(fault.suggest("write \"all\" or \"keys\"").into());
    }
    let mut faults = Faults::default();
    let mut names: Vec<String> = Vec::new();
    for item in &items {
        let Some(name) = faults.keep(attribute::name(item)) else { continue };
        if names.contains(&name) {
            faults.push(item.spot.fault("is there already").suggest("remove one of the two"));
        }
        names.push(name);
    }
    faults.or(Projection::Keep(names))
}
