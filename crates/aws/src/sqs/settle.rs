//! `DeleteMessage`, `ChangeMessageVisibility` and their batches.

use std::time::Duration;

use http::Response;
use lambent_core::limits;
use lambent_engine::Events;
use serde::Deserialize;

use super::batch;
use super::error::Error;
use super::request::{Request, Text, in_range, queue, read, seconds_to};
use super::writer;
use crate::body::Body;
use crate::query::Section;
use crate::service::Call;

/// A message that is to be settled, alone or as an entry of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settle<'a> {
    /// The queue, where it is settled alone.
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    /// What tells it from the others of its batch.
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<i64>,
}

impl<'a> Request<'a> for Settle<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self {
            queue_url: form.text("QueueUrl"),
            id: form.text("Id"),
            receipt_handle: form.text("ReceiptHandle"),
            visibility_timeout: form.number("VisibilityTimeout")?,
        })
    }
}

impl Settle<'_> {
    fn handle(&mut self) -> Result<String, Error> {
        let handle = self.receipt_handle.take().filter(|handle| !handle.is_empty());
        Ok(handle.ok_or_else(|| Error::missing("ReceiptHandle"))?.0.into_owned())
    }

    fn visibility(&self) -> Result<Duration, Error> {
        let range = seconds_to(limits::VISIBILITY_MAX);
        let seconds = in_range("VisibilityTimeout", self.visibility_timeout, range, |range| {
            format!("VisibilityTimeout must be an integer between 0 and {}.", range.end())
        })?;
        let seconds = seconds.ok_or_else(|| Error::missing("VisibilityTimeout"))?;
        Ok(Duration::from_secs(seconds.into()))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SettleBatch<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Vec<Settle<'a>>>,
}

impl<'a> Request<'a> for SettleBatch<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        // The two batches name their entries differently; a form has those of one of them.
        let names = ["DeleteMessageBatchRequestEntry", "ChangeMessageVisibilityBatchRequestEntry"];
        let entries = names.iter().flat_map(|name| form.entries(name)).map(Settle::of_form);
        Ok(Self { queue_url: form.text("QueueUrl"), entries: Some(entries.collect::<Result<_, _>>()?) })
    }
}

/// Deletes a message.
pub(super) async fn delete(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let mut request: Settle<'_> = read(call)?;
    let queue = queue(events, call, request.queue_url.as_deref())?;
    let handles = [request.handle()?];
    for (result, handle) in events.acknowledge(&queue, &handles).await?.into_iter().zip(&handles) {
        result.map_err(|error| Error::of_handle(error, handle))?;
    }
    Ok(writer::done(call))
}

/// Deletes up to ten messages.
pub(super) async fn delete_batch(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let mut request: SettleBatch<'_> = read(call)?;
    let queue = queue(events, call, request.queue_url.as_deref())?;
    let entries = request.entries.take().unwrap_or_default();
    let (ids, parsed) = each(entries, Settle::handle);
    let ids = batch::ids(call, ids.iter().map(Option::as_ref))?;
    let handles: Vec<String> = parsed.iter().flatten().cloned().collect();
    let settled = events.acknowledge(&queue, &handles).await?;
    Ok(batch::answer(call, &ids, results(parsed, &handles, settled), |_, ()| ()))
}

/// Changes how long a message stays invisible.
pub(super) async fn change(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let mut request: Settle<'_> = read(call)?;
    let queue = queue(events, call, request.queue_url.as_deref())?;
    let (handles, times) = ([request.handle()?], [request.visibility()?]);
    let settled = events.change_visibility(&queue, &handles, &times).await?;
    for (result, handle) in settled.into_iter().zip(&handles) {
        result.map_err(|error| Error::of_handle(error, handle))?;
    }
    Ok(writer::done(call))
}

/// Changes how long up to ten messages stay invisible.
pub(super) async fn change_batch(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let mut request: SettleBatch<'_> = read(call)?;
    let queue = queue(events, call, request.queue_url.as_deref())?;
    let entries = request.entries.take().unwrap_or_default();
    let (ids, parsed) = each(entries, |entry| Ok((entry.handle()?, entry.visibility()?)));
    let ids = batch::ids(call, ids.iter().map(Option::as_ref))?;
    let (handles, times): (Vec<String>, Vec<Duration>) = parsed.iter().flatten().cloned().unzip();
    let settled = events.change_visibility(&queue, &handles, &times).await?;
    Ok(batch::answer(call, &ids, results(parsed, &handles, settled), |_, ()| ()))
}

/// The ids of entries, and what they say.
fn each<'a, T>(
    entries: Vec<Settle<'a>>,
    parse: impl Fn(&mut Settle<'a>) -> Result<T, Error>,
) -> (Vec<Option<Text<'a>>>, Vec<Result<T, Error>>) {
    entries.into_iter().map(|mut entry| (entry.id.take(), parse(&mut entry))).unzip()
}

/// What became of each entry: of those that were good, what the engine says.
fn results<T>(
    parsed: Vec<Result<T, Error>>,
    handles: &[String],
    settled: Vec<lambent_engine::events::Result<()>>,
) -> Vec<Result<(), Error>> {
    let mut settled = settled.into_iter().zip(handles);
    let result = |parsed: Result<T, Error>| {
        parsed?;
        match settled.next() {
            Some((Err(error), handle)) => Err(Error::of_handle(error, handle)),
            _ => Ok(()),
        }
    };
    parsed.into_iter().map(result).collect()
}
