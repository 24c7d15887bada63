//! What all batches have in common: their entries have ids, and each succeeds or fails for itself.

use std::collections::HashSet;

use http::Response;
use lambent_core::limits;

use super::error::{Code, Error};
use super::request::Text;
use super::writer::{self, Writer};
use crate::body::Body;
use crate::service::Call;

/// Longest id of an entry, in characters (SQS).
const ID_MAX: usize = 80;

/// Checks the ids of a batch's entries and gives them back.
///
/// # Errors
/// When there are no entries or too many, or their ids do not tell them apart.
pub(super) fn ids<'a>(
    call: &Call,
    entries: impl ExactSizeIterator<Item = Option<&'a Text<'a>>>,
) -> Result<Vec<&'a str>, Error> {
    let count = entries.len();
    if count == 0 {
        return Err(Code::EmptyBatchRequest
            .because(format!("There should be at least one {}RequestEntry in the request.", call.action)));
    }
    if count > limits::BATCH_MAX {
        return Err(Code::TooManyEntriesInBatchRequest.because(format!(
            "Maximum number of entries per request are {}. You have sent {count}.",
            limits::BATCH_MAX
        )));
    }
    let mut ids = Vec::with_capacity(count);
    let mut seen = HashSet::with_capacity(count);
    for id in entries {
        let id: &str = id.ok_or_else(|| Error::missing(&format!("{}RequestEntry.Id", call.action)))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(plain) {
            return Err(Code::InvalidBatchEntryId.because(format!(
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                 It can be at most {ID_MAX} letters long."
            )));
        }
        if !seen.insert(id) {
            return Err(Code::BatchEntryIdsNotDistinct.because(format!("Id {id} repeated.")));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// What became of the entries. `write` adds what a success has besides its id.
pub(super) fn answer<T>(
    call: &Call,
    ids: &[&str],
    results: Vec<Result<T, Error>>,
    write: impl Fn(&mut Writer<'_>, &T),
) -> Response<Body> {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, result) in ids.iter().zip(results) {
        match result {
            Ok(done) => successful.push((id, done)),
            Err(error) => failed.push((id, error)),
        }
    }
    writer::answer(call, |writer| {
        let entry = format!("{}ResultEntry", call.action);
        writer.list("Successful", &entry, &successful, |writer, (id, done)| {
            writer.text("Id", id);
            write(writer, done);
        });
        writer.list("Failed", "BatchResultErrorEntry", &failed, |writer, (id, error)| {
            writer.text("Id", id);
            writer.bare("SenderFault", error.code.is_senders());
            writer.text("Code", error.code.query_name());
            writer.text("Message", &error.message);
        });
    })
}
