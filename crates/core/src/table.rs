//! A table as its owner describes it.

/// A table: items under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name: 3 to 255 characters of `A-Z a-z 0-9 _ - .` (DynamoDB naming rules).
    pub name: String,
    /// The attribute that tells items apart; its values are strings.
    pub key: String,
    /// The attribute that orders the items under one key, where there is one.
    pub sort: Option<String>,
}
