//! PutEvents.

use std::time::Duration;

use lambent_core::{Timestamp, limits};
use lambent_engine::Events;
use lambent_engine::events::{Detail, NewEvent};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Error;
use super::members::bus_of;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    time: Option<f64>,
    source: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    trace_header: Option<String>,
}

/// Why one entry is not taken, while others are.
#[derive(Debug)]
struct Failed {
    code: &'static str,
    message: String,
}

/// PutEvents: each entry has an answer of its own.
pub(super) async fn put_events(events: &Events, request: PutEvents) -> Result<Value, Error> {
    let count = request.entries.len();
    if !(1..=limits::BATCH_MAX).contains(&count) {
        let constraint = format!("Member must have length between 1 and {}", limits::BATCH_MAX);
        return Err(Error::constraint(&format!("[{count} entries]"), "entries", &constraint));
    }
    let read: Vec<_> = request.entries.into_iter().map(|entry| entry.read(events)).collect();
    let (good, failed): (Vec<_>, Vec<_>) = read.into_iter().map(split).unzip();
    let size: usize = good.iter().flatten().map(NewEvent::size).sum();
    if size > limits::EVENTS_MAX {
        let message = "Total size of the entries in the request is over the limit.";
        return Err(Error::Validation(message.to_owned()));
    }
    let mut results = events.put_events(good.into_iter().flatten().collect()).await?.into_iter();
    let mut failures = 0;
    let mut entries = Vec::with_capacity(count);
    for failed in failed {
        let failed = match failed {
            Some(failed) => failed,
            None => match results.next() {
                Some(Ok(id)) => {
                    entries.push(json!({ "EventId": id.as_str() }));
                    continue;
                }
                Some(Err(error)) => Failed::of(error.into()),
                None => Failed::of(Error::Internal("the event has no result".to_owned())),
            },
        };
        failures += 1;
        entries.push(json!({ "ErrorCode": failed.code, "ErrorMessage": failed.message }));
    }
    Ok(json!({ "FailedEntryCount": failures, "Entries": entries }))
}

fn split(read: Result<NewEvent, Failed>) -> (Option<NewEvent>, Option<Failed>) {
    match read {
        Ok(event) => (Some(event), None),
        Err(failed) => (None, Some(failed)),
    }
}

impl Entry {
    fn read(self, events: &Events) -> Result<NewEvent, Failed> {
        let source = required(self.source, "Source")?;
        let detail_type = required(self.detail_type, "DetailType")?;
        let detail = required(self.detail, "Detail")?;
        if source.starts_with("aws.") {
            return Err(Failed {
                code: "NotAuthorizedForSourceException",
                message:
                    "Not authorized for the source: names that begin with aws. are those of AWS services."
                        .to_owned(),
            });
        }
        let malformed = |_| Failed { code: "MalformedDetail", message: "Detail is malformed.".to_owned() };
        let detail = Detail::parse(detail).map_err(malformed)?;
        let bus = bus_of(events.node(), self.event_bus_name.as_deref()).map_err(Failed::of)?;
        let time = self.time.map(time).transpose()?;
        Ok(NewEvent {
            bus,
            source,
            detail_type,
            detail,
            resources: self.resources,
            time,
            trace: self.trace_header,
        })
    }
}

impl Failed {
    fn of(error: Error) -> Self {
        let code = match error {
            Error::NotFound(_) => "ResourceNotFoundException",
            Error::Internal(_) => "InternalFailure",
            _ => "InvalidArgument",
        };
        Self { code, message: error.to_string() }
    }

    fn argument(name: &str, reason: &str) -> Self {
        let message = format!("Parameter {name} is not valid. Reason: {reason}");
        Self { code: "InvalidArgument", message }
    }
}

fn required(value: Option<String>, name: &str) -> Result<String, Failed> {
    let missing = || Failed::argument(name, &format!("{name} is a required argument."));
    value.filter(|value| !value.is_empty()).ok_or_else(missing)
}

/// Seconds since the Unix epoch, as JSON protocols write times.
fn time(seconds: f64) -> Result<Timestamp, Failed> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(since) => Ok(Timestamp::from_millis(0).plus(since)),
        Err(_) => Err(Failed::argument("Time", "It is no number of seconds since 1970.")),
    }
}
