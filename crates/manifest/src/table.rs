//! `[tables.NAME]`: tables of items under a key.

use lambent_core::table::{Attribute, AttributeKind, StreamView, TableIndex, TableKey};
use lambent_core::{Table, limits};

use crate::fault::{Fault, Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::suggest::{nearest, quote};
use crate::{app, attribute, index};

/// Length of the name of a table or an index (DynamoDB naming rules).
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=255;

/// What the keys of a table fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    key: Option<Attribute>,
    sort: Option<Attribute>,
    indexes: Vec<TableIndex>,
    ttl: Option<String>,
    stream: Option<StreamView>,
}

/// The keys of a table.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a table",
    about: "A DynamoDB-compatible table. It is made when the app starts, and functions reach it with any AWS SDK. A \
            name has 3 to 255 letters, digits, `_`, `-` and `.`. What a table lacks of what is declared is added \
            when the app starts; what it has in another way is refused, because its items would be lost. What is no \
            longer declared stays.",
    keys: &[
        Key {
            name: "key",
            form: Form::Words("[attribute](#attributes)"),
            need: Need::Required,
            example: r#""email""#,
            about: "The attribute that tells items apart (the partition key).",
            read: |draft, node| set(&mut draft.key, attribute::read(node)),
        },
        Key {
            name: "sort",
            form: Form::Words("[attribute](#attributes)"),
            need: Need::Without("one item a key"),
            example: r#"{ name = "created-at", type = "number" }"#,
            about: "The attribute that orders the items of one key (the sort key).",
            read: |draft, node| set(&mut draft.sort, attribute::read(node)),
        },
        Key {
            name: "indexes",
            form: Form::Words("table of indexes"),
            need: Need::Without("items are found by their key only"),
            example: r#"{ by-city = { key = "city" } }"#,
            about: "Other keys that items are found by (global secondary indexes), by their names; see \
                    [Indexes](#tablesnameindexesname).",
            read: |draft, node| draft.read_indexes(node),
        },
        Key {
            name: "ttl",
            form: Form::Words("string"),
            need: Need::Without("items stay until they are deleted"),
            example: r#""expires""#,
            about: "The attribute with the time, in seconds since 1970, from which an item is removed. It is gone a \
                    little later, as on AWS.",
            read: |draft, node| set(&mut draft.ttl, attribute::name(node)),
        },
        Key {
            name: "stream",
            form: Form::Words("`\"new-and-old\"`, `\"new\"`, `\"old\"` or `\"keys\"`"),
            need: Need::Without("changes are not recorded"),
            example: r#""new-and-old""#,
            about: "What the table's stream says of each change: the item after it, before it, both, or its key only.",
            read: |draft, node| set(&mut draft.stream, stream(node)),
        },
    ],
    later: &[],
};

/// Reads a table into `app`.
pub(crate) fn read(node: &Node<'_>, app: &mut app::Draft) -> Read<()> {
    let mut faults = Faults::default();
    _ = faults.keep(check_name(node, "table"));
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    faults.append(check_sort(node, draft.key.as_ref(), draft.sort.as_ref()));
    faults.append(draft.check_kinds(node));
    let nothing = Attribute { name: String::new(), kind: AttributeKind::String };
    let key = TableKey { partition: draft.key.unwrap_or(nothing), sort: draft.sort };
    let Draft { mut indexes, ttl, stream, .. } = draft;
    indexes.sort_by(|a, b| a.name.cmp(&b.name));
    app.tables.push(faults.or(Table { name: node.name.to_owned(), key, indexes, ttl, stream })?);
    Ok(())
}

/// Checks the name of a table or an index.
pub(crate) fn check_name(node: &Node<'_>, what: &str) -> Read<()> {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if NAME_LENGTH.contains(&node.name.len()) && node.name.bytes().all(known) {
        return Ok(());
    }
    let name = quote(node.name);
    Err(node
        .spot
        .key_fault(format!("{name} is no {what} name: use 3 to 255 letters, digits, `_`, `-` and `.`"))
        .into())
}

/// Two attributes of one key are two.
pub(crate) fn check_sort(node: &Node<'_>, key: Option<&Attribute>, sort: Option<&Attribute>) -> Faults {
    let mut faults = Faults::default();
    if let (Some(place), Some(key), Some(sort)) = (node.get("sort"), key, sort)
        && key.name == sort.name
    {
        faults.push(
            place
                .spot
                .fault("is the same attribute as `key`")
                .suggest("name another one, or leave `sort` out"),
        );
    }
    faults
}

fn stream(node: &Node<'_>) -> Read<StreamView> {
    let text = node.text("what the stream says, as in \"new-and-old\"")?;
    match StreamView::ALL.into_iter().find(|view| view.name() == text) {
        Some(view) => Ok(view),
        None => {
            let names = StreamView::ALL.map(StreamView::name);
            let fault = node.spot.fault(format!("{} is no view of a stream", quote(text)));
            Err(one_of(fault, text, &names).into())
        }
    }
}

/// Suggests one of some words: the nearest, or else all.
pub(crate) fn one_of(fault: Fault, text: &str, names: &[&'static str]) -> Fault {
    match nearest(text, names.iter().copied()) {
        Some(name) => fault.suggest(format!("did you mean \"{name}\"?")),
        None => {
            let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            fault.suggest(format!("write one of {}", names.join(", ")))
        }
    }
}

impl Draft {
    fn read_indexes(&mut self, node: &Node<'_>) -> Read<()> {
        let entries: Vec<_> =
            node.entries("a table of indexes, as in [tables.Users.indexes.by-city]")?.collect();
        if entries.len() > limits::TABLE_INDEXES_MAX {
            let (count, max) = (entries.len(), limits::TABLE_INDEXES_MAX);
            return Err(node.spot.key_fault(format!("the table has {count} indexes: at most {max}")).into());
        }
        let mut faults = Faults::default();
        for entry in entries {
            self.indexes.extend(faults.keep(index::read(&entry)));
        }
        faults.or(())
    }

    /// The values of an attribute are of one kind, in whichever keys it is.
    fn check_kinds(&self, node: &Node<'_>) -> Faults {
        let mut faults = Faults::default();
        let mut known: Vec<&Attribute> = self.key.iter().chain(&self.sort).collect();
        for index in &self.indexes {
            for attribute in index.key.attributes() {
                let other = known.iter().find(|other| other.name == attribute.name);
                match other.filter(|other| other.kind != attribute.kind) {
                    Some(other) => {
                        let place = node.get("indexes").and_then(|indexes| indexes.get(&index.name));
                        let spot = place.map_or_else(|| node.spot.clone(), |place| place.spot);
                        let message = format!("has {attribute}, but elsewhere it is {other}");
                        faults.push(spot.key_fault(message).suggest("give it the same `type` everywhere"));
                    }
                    None => known.push(attribute),
                }
            }
        }
        faults
    }
}
