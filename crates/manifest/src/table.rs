//! `[tables.NAME]`: tables of items under a key.

use lambent_core::Table;

use crate::app;
use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::suggest::quote;

/// Longest name of a key attribute, in bytes (DynamoDB naming rules).
const ATTRIBUTE_MAX: usize = 255;

/// Length of a table's name (DynamoDB naming rules).
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=255;

/// What the keys of a table fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    key: Option<String>,
    sort: Option<String>,
}

/// The keys of a table.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a table",
    about: "A DynamoDB-compatible table. It is made when the app starts, and functions reach it with any AWS SDK. A \
            name has 3 to 255 letters, digits, `_`, `-` and `.`.",
    keys: &[
        Key {
            name: "key",
            form: Form::Words("string"),
            need: Need::Required,
            example: r#""email""#,
            about: "The attribute that tells items apart (the partition key). Its values are strings.",
            read: |draft, node| set(&mut draft.key, attribute(node)),
        },
        Key {
            name: "sort",
            form: Form::Words("string"),
            need: Need::Without("one item a key"),
            example: r#""created-at""#,
            about: "The attribute that orders the items of one key (the sort key). Its values are strings.",
            read: |draft, node| set(&mut draft.sort, attribute(node)),
        },
    ],
    later: &[],
};

/// Reads a table into `app`.
pub(crate) fn read(node: &Node<'_>, app: &mut app::Draft) -> Read<()> {
    let mut faults = Faults::default();
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if !NAME_LENGTH.contains(&node.name.len()) || !node.name.bytes().all(known) {
        let name = quote(node.name);
        let message = format!("{name} is no table name: use 3 to 255 letters, digits, `_`, `-` and `.`");
        faults.push(node.spot.key_fault(message));
    }
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    if let (Some(sort), true) = (node.get("sort"), draft.sort.is_some() && draft.sort == draft.key) {
        faults.push(
            sort.spot
                .fault("is the same attribute as `key`")
                .suggest("name another one, or leave `sort` out"),
        );
    }
    let (name, key) = (node.name.to_owned(), draft.key.unwrap_or_default());
    app.tables.push(faults.or(Table { name, key, sort: draft.sort })?);
    Ok(())
}

fn attribute(node: &Node<'_>) -> Read<String> {
    let name = node.text("the name of an attribute")?;
    if name.is_empty() || name.len() > ATTRIBUTE_MAX {
        return Err(node.spot.fault(format!("an attribute's name has 1 to {ATTRIBUTE_MAX} bytes")).into());
    }
    Ok(name.to_owned())
}
