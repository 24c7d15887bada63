//! Rows as messages, and what is written of messages as text.

use bytes::Bytes;
use lambent_core::{Failure, Meta, RequestId, Timestamp};
use rusqlite::Row;

use crate::error::{Error, Result};
use crate::message::{Message, QueueId, Sequence};

/// The columns that [`Stored`] reads, of `msg m` and `body b`.
macro_rules! stored {
    () => {
        "m.id, m.vis, m.gid, m.att, m.thr, m.sent, m.first, m.origin, b.uid, b.meta, b.body, \
         case when m.failed then (select f.text from failure f where f.id = m.id) end"
    };
}
pub(super) use stored;

/// A message as it comes from its row. What is text in it is parsed by whoever asked, not by the writer.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) vis: i64,
    pub(super) gid: Option<String>,
    pub(super) att: i64,
    thr: i64,
    sent: i64,
    pub(super) first: Option<i64>,
    origin: Option<i64>,
    uid: String,
    meta: Option<String>,
    pub(super) body: Bytes,
    failure: Option<String>,
}

impl Stored {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            vis: row.get(1)?,
            gid: row.get(2)?,
            att: row.get(3)?,
            thr: row.get(4)?,
            sent: row.get(5)?,
            first: row.get(6)?,
            origin: row.get(7)?,
            uid: row.get(8)?,
            meta: row.get(9)?,
            body: Bytes::copy_from_slice(row.get_ref(10)?.as_blob()?),
            failure: row.get(11)?,
        })
    }

    /// The bytes of the body, without reading the rest.
    pub(super) fn body_size(row: &Row<'_>) -> rusqlite::Result<usize> {
        Ok(row.get_ref(10)?.as_blob()?.len())
    }

    pub(super) fn message(self) -> Result<Message> {
        Ok(Message {
            sequence: Sequence(self.id),
            id: request_id(&self.uid)?,
            body: self.body,
            meta: self.meta.map_or_else(|| Ok(Meta::default()), |text| parse(&text))?,
            group: self.gid,
            receives: count(self.att),
            throttles: count(self.thr),
            sent: timestamp(self.sent),
            first_received: self.first.map(timestamp),
            visible: timestamp(self.vis),
            origin: self.origin.map(QueueId),
            failure: self.failure.map(|text| parse(&text)).transpose()?,
        })
    }
}

/// What goes along with a message, as it is stored: nothing when there is nothing.
pub(super) fn meta_text(meta: &Meta) -> Result<Option<String>> {
    if *meta == Meta::default() { Ok(None) } else { text(meta).map(Some) }
}

pub(super) fn failure_text(failure: &Failure) -> Result<String> {
    text(failure)
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|e| Error::Failed { what: "read what goes along with a message", reason: e.to_string() })
}

pub(super) fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::Failed { what: "write what goes along with a message", reason: e.to_string() })
}

pub(super) fn request_id(text: &str) -> Result<RequestId> {
    RequestId::parse(text).ok_or_else(|| Error::Failed {
        what: "read the id of a message",
        reason: format!("`{text}` is none"),
    })
}

/// Times past all that SQLite can keep are the last that it can.
pub(super) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

pub(super) fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

pub(super) fn total(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
