//! A table as its owner describes it.

use std::fmt;

/// A table: items under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name: 3 to 255 characters of `A-Z a-z 0-9 _ - .` (DynamoDB naming rules).
    pub name: String,
    /// What tells its items apart, and what orders them.
    pub key: TableKey,
    /// Its global secondary indexes by name: other keys that items are found by.
    pub indexes: Vec<TableIndex>,
    /// The attribute with the time, in seconds since 1970, from which an item is removed.
    pub ttl: Option<String>,
    /// What its stream says of each change, where it has one.
    pub stream: Option<StreamView>,
}

/// The key of a table or of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableKey {
    /// The attribute that items are found by.
    pub partition: Attribute,
    /// The attribute that orders the items of one value of the other, where there is one.
    pub sort: Option<Attribute>,
}

/// An attribute of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: AttributeKind,
}

/// What the values of a key's attribute are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttributeKind {
    /// Texts.
    #[default]
    String,
    /// Numbers.
    Number,
    /// Bytes.
    Binary,
}

/// Another key that the items of a table are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableIndex {
    /// Its name, by the rules of a table's.
    pub name: String,
    /// Its key. An item without it is not in the index.
    pub key: TableKey,
    /// Which attributes the index holds.
    pub projection: Projection,
}

/// Which attributes of an item an index holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Projection {
    /// All of them.
    #[default]
    All,
    /// The keys of the table and of the index.
    Keys,
    /// The keys, and these.
    Keep(Vec<String>),
}

/// What a stream says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamView {
    /// The item's key.
    Keys,
    /// The item after the change.
    New,
    /// The item before the change.
    Old,
    /// Both.
    NewAndOld,
}

impl AttributeKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::String, Self::Number, Self::Binary];

    /// Its name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Binary => "binary",
        }
    }
}

impl StreamView {
    /// Every view.
    pub const ALL: [Self; 4] = [Self::NewAndOld, Self::New, Self::Old, Self::Keys];

    /// Its name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::New => "new",
            Self::Old => "old",
            Self::NewAndOld => "new-and-old",
        }
    }
}

impl TableKey {
    /// Its attributes, the partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }
}

/// For people: `email (string)`.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.kind.name())
    }
}

/// For people: `email (string), sorted by at (number)`.
impl fmt::Display for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.partition.fmt(f)?;
        self.sort.iter().try_for_each(|sort| write!(f, ", sorted by {sort}"))
    }
}

/// For people: `all attributes`.
impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all attributes"),
            Self::Keys => f.write_str("keys only"),
            Self::Keep(names) => write!(f, "the keys and {}", names.join(", ")),
        }
    }
}
