//! `TagQueue`, `UntagQueue` and `ListQueueTags`.

use std::collections::BTreeMap;

use http::Response;
use lambent_engine::Events;
use serde::Deserialize;

use super::error::{Code, Error};
use super::request::{OfQueue, Pairs, Request, Text, pairs, queue_name, read};
use super::writer;
use crate::body::Body;
use crate::query::Section;
use crate::service::Call;

/// Most tags of a queue, longest key and longest value in characters (SQS).
const TAGS_MAX: usize = 50;
const KEY_MAX: usize = 128;
const VALUE_MAX: usize = 256;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagQueue<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "pairs")]
    tags: Pairs<'a>,
}

impl<'a> Request<'a> for TagQueue<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self { queue_url: form.text("QueueUrl"), tags: form.map_of_texts("Tag", "Key", "Value") })
    }
}

/// Adds tags.
pub(super) async fn tag(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: TagQueue<'_> = read(call)?;
    let (name, queue) = events.named(queue_name(call, request.queue_url.as_deref())?)?;
    if request.tags.is_empty() {
        return Err(Error::missing("Tags"));
    }
    add(&mut queue.spec().tags, request.tags.clone())?;
    // They were good a moment ago; nobody adds so many at once that the limit matters.
    events.change_queue(name.as_str(), |spec| drop(add(&mut spec.tags, request.tags))).await?;
    Ok(writer::done(call))
}

/// Adds tags to those that are there.
///
/// # Errors
/// Which of them is not good; nothing is added then.
pub(super) fn add(tags: &mut BTreeMap<String, String>, more: Pairs<'_>) -> Result<(), Error> {
    let refuse = |message: String| Err(Code::InvalidParameterValue.because(message));
    let mut all = tags.clone();
    for (key, value) in more {
        if key.is_empty() || key.chars().count() > KEY_MAX || key.to_ascii_lowercase().starts_with("aws:") {
            return refuse(format!(
                "Tag keys must have 1 to {KEY_MAX} characters and must not begin with aws:, but `{}` does.",
                &*key
            ));
        }
        if value.chars().count() > VALUE_MAX {
            return refuse(format!("Tag values must be at most {VALUE_MAX} characters in length."));
        }
        all.insert(key.0.into_owned(), value.0.into_owned());
    }
    if all.len() > TAGS_MAX {
        return refuse(format!("Too many tags added: a queue can have {TAGS_MAX}."));
    }
    *tags = all;
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagQueue<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    tag_keys: Option<Vec<Text<'a>>>,
}

impl<'a> Request<'a> for UntagQueue<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self { queue_url: form.text("QueueUrl"), tag_keys: form.list_of_texts("TagKey") })
    }
}

/// Takes tags away.
pub(super) async fn untag(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: UntagQueue<'_> = read(call)?;
    let name = queue_name(call, request.queue_url.as_deref())?;
    let keys = request.tag_keys.unwrap_or_default();
    events
        .change_queue(name, |spec| spec.tags.retain(|key, _| !keys.iter().any(|gone| **gone == **key)))
        .await?;
    Ok(writer::done(call))
}

/// Lists tags.
pub(super) async fn list(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: OfQueue<'_> = read(call)?;
    let (_, queue) = events.named(queue_name(call, request.queue_url.as_deref())?)?;
    let tags: Vec<(String, String)> = queue.spec().tags.into_iter().collect();
    Ok(writer::answer(call, |writer| writer.map("Tags", ["Tag", "Key", "Value"], &tags)))
}
