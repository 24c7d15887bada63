//! The attributes of keys: a name alone, or with the kind of its values.

use lambent_core::table::{Attribute, AttributeKind};
use toml::de::DeValue;

use crate::fault::Read;
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::suggest::quote;
use crate::table::one_of;

/// Longest name of an attribute of a key, in bytes (DynamoDB naming rules).
const NAME_MAX: usize = 255;

/// What the keys of an attribute fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    name: Option<String>,
    kind: Option<AttributeKind>,
}

/// The keys of an attribute.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "an attribute",
    about: "An attribute of a key is written as its name, `\"email\"`, or as a table:",
    keys: &[
        Key {
            name: "name",
            form: Form::Words("string"),
            need: Need::Required,
            example: r#""id""#,
            about: "Its name.",
            read: |draft, node| set(&mut draft.name, name(node)),
        },
        Key {
            name: "type",
            form: Form::Words("`\"string\"`, `\"number\"` or `\"binary\"`"),
            need: Need::Without("`\"string\"`"),
            example: r#""number""#,
            about: "What its values are.",
            read: |draft, node| set(&mut draft.kind, kind(node)),
        },
    ],
    later: &[],
};

/// Reads an attribute of a key.
pub(crate) fn read(node: &Node<'_>) -> Read<Attribute> {
    if !matches!(node.value, DeValue::Table(_)) {
        return Ok(Attribute { name: name(node)?, kind: AttributeKind::String });
    }
    let mut draft = Draft::default();
    SECTION.read(node, &mut draft)?;
    Ok(Attribute { name: draft.name.unwrap_or_default(), kind: draft.kind.unwrap_or_default() })
}

/// Reads the name of an attribute.
pub(crate) fn name(node: &Node<'_>) -> Read<String> {
    let name = node.text("the name of an attribute")?;
    if name.is_empty() || name.len() > NAME_MAX {
        return Err(node.spot.fault(format!("an attribute's name has 1 to {NAME_MAX} bytes")).into());
    }
    Ok(name.to_owned())
}

fn kind(node: &Node<'_>) -> Read<AttributeKind> {
    let text = node.text("the type of an attribute, as in \"number\"")?;
    match AttributeKind::ALL.into_iter().find(|kind| kind.name() == text) {
        Some(kind) => Ok(kind),
        None => {
            let fault = node.spot.fault(format!("{} is no type of a key's attribute", quote(text)));
            Err(one_of(fault, text, &AttributeKind::ALL.map(AttributeKind::name)).into())
        }
    }
}
