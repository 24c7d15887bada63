//! Queues: making, finding, listing, purging and deleting them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::Response;
use lambent_core::{QueueName, QueueSpec};
use lambent_engine::Events;
use serde::Deserialize;

use super::error::{Code, Error};
use super::request::{OfQueue, Pairs, Request, Text, between, in_range, pairs, queue_name, queue_url, read};
use super::{attributes, tags, writer};
use crate::body::Body;
use crate::query::Section;
use crate::service::Call;

/// Most queues on one page of a list (SQS).
const PAGE_MAX: u32 = 1000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateQueue<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "pairs")]
    attributes: Pairs<'a>,
    /// Small, for once: so the model has it.
    #[serde(borrow, default, deserialize_with = "pairs", rename = "tags")]
    tags: Pairs<'a>,
}

impl<'a> Request<'a> for CreateQueue<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self {
            queue_name: form.text("QueueName"),
            attributes: form.map_of_texts("Attribute", "Name", "Value"),
            tags: form.map_of_texts("Tag", "Key", "Value"),
        })
    }
}

/// Makes a queue, or finds the one of this name if it is as it is wanted: what the request leaves out does not
/// matter then. SQS wants a minute between deleting a queue and making it again, because its many machines have to
/// hear of it; here it is gone at once, and can be made again at once.
pub(super) async fn create(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: CreateQueue<'_> = read(call)?;
    let name = request.queue_name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Error::missing("QueueName"))?;
    let fifo = request.attributes.iter().find(|(name, _)| &**name == "FifoQueue").map(|(_, value)| &**value);
    let name = new_name(&name, fifo)?;
    let before = events.queue(name.as_str());
    let mut spec = before.as_ref().map_or_else(QueueSpec::default, |queue| queue.spec());
    attributes::apply(&mut spec, &name, &request.attributes)?;
    if before.is_none() {
        tags::add(&mut spec.tags, request.tags)?;
    }
    events.create_queue(&name, spec).await?;
    Ok(writer::answer(call, |writer| writer.text("QueueUrl", &queue_url(events, call, &name))))
}

/// The name of a queue that is to be made. Whether it keeps order is said twice, and must be the same.
fn new_name(name: &str, fifo: Option<&str>) -> Result<QueueName, Error> {
    let refuse = |message: &str| Err(Code::InvalidParameterValue.because(message));
    let parsed = QueueName::parse(name);
    match fifo {
        Some("true") => match parsed {
            Ok(name) if name.is_fifo() => Ok(name),
            _ => refuse(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end \
                 with .fifo suffix and be 1 to 80 in length.",
            ),
        },
        // SQS takes no FifoQueue for a queue that does not keep order, not even a false one.
        Some("false") => Err(Code::InvalidAttributeName.because("Unknown Attribute FifoQueue.")),
        Some(_) => Err(attributes::invalid("FifoQueue")),
        None => match parsed {
            Ok(name) if !name.is_fifo() => Ok(name),
            _ => {
                refuse("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
            }
        },
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueUrl<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
}

impl<'a> Request<'a> for GetQueueUrl<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self { queue_name: form.text("QueueName"), owner: form.text("QueueOwnerAWSAccountId") })
    }
}

/// Finds a queue by its name.
pub(super) async fn url(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: GetQueueUrl<'_> = read(call)?;
    let name = request.queue_name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Error::missing("QueueName"))?;
    // There is one account, and others have nothing.
    if request.owner.is_some_and(|owner| *owner != *events.node().account) {
        return Err(Error::no_queue());
    }
    let (name, _) = events.named(&name)?;
    Ok(writer::answer(call, |writer| writer.text("QueueUrl", &queue_url(events, call, &name))))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List<'a> {
    /// Where queues are listed that send their dead letters to this one.
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    queue_name_prefix: Option<Text<'a>>,
    max_results: Option<i64>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
}

impl<'a> Request<'a> for List<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self {
            queue_url: form.text("QueueUrl"),
            queue_name_prefix: form.text("QueueNamePrefix"),
            max_results: form.number("MaxResults")?,
            next_token: form.text("NextToken"),
        })
    }
}

/// Lists queues, a page at a time.
pub(super) async fn list(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: List<'_> = read(call)?;
    let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
    let mut names: Vec<QueueName> = events.queues().into_iter().map(|(name, _)| name).collect();
    names.retain(|name| name.as_str().starts_with(prefix));
    page(events, call, &request, names, "QueueUrls")
}

/// Lists the queues that send their dead letters to one.
pub(super) async fn list_sources(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: List<'_> = read(call)?;
    let name = queue_name(call, request.queue_url.as_deref())?;
    events.named(name)?;
    let names = events.queues_dying_into(name);
    // Small, for once: so the model has it.
    page(events, call, &request, names, "queueUrls")
}

/// A page of a list. The token is the last name of the page before.
fn page(
    events: &Events,
    call: &Call,
    request: &List<'_>,
    mut names: Vec<QueueName>,
    list: &str,
) -> Result<Response<Body>, Error> {
    let max = in_range("MaxResults", request.max_results, 1..=PAGE_MAX.into(), between)?;
    let max = max.unwrap_or(PAGE_MAX) as usize;
    names.sort();
    if let Some(token) = request.next_token.as_deref().filter(|token| !token.is_empty()) {
        let last = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let last = last.ok_or_else(|| Error::value("NextToken", token, "It is none that Lambent gave."))?;
        names.drain(..names.partition_point(|name| name.as_str() <= last.as_str()));
    }
    let more = names.len() > max;
    names.truncate(max);
    let next = names.last().filter(|_| more).map(|last| BASE64.encode(last.as_str()));
    Ok(writer::answer(call, |writer| {
        if !names.is_empty() || list == "queueUrls" {
            writer.texts(list, "QueueUrl", names.iter().map(|name| queue_url(events, call, name)));
        }
        writer.maybe("NextToken", next.as_deref());
    }))
}

/// Deletes a queue and everything in it.
pub(super) async fn delete(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: OfQueue<'_> = read(call)?;
    events.delete_queue(queue_name(call, request.queue_url.as_deref())?).await?;
    Ok(writer::done(call))
}

/// Deletes everything in a queue.
pub(super) async fn purge(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: OfQueue<'_> = read(call)?;
    let name = queue_name(call, request.queue_url.as_deref())?;
    events.purge_queue(name).await?;
    Ok(writer::done(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whether_they_keep_order() {
        let check = |name: &str, fifo: Option<&str>, expect: Result<(), Code>| {
            let found = new_name(name, fifo).map(|_| ()).map_err(|error| error.code);
            assert_eq!(found, expect, "{name} {fifo:?}");
        };
        let value = Err(Code::InvalidParameterValue);
        check("a", None, Ok(()));
        check("a.fifo", Some("true"), Ok(()));
        check("a", Some("true"), value);
        check(".fifo", Some("true"), value);
        check("a.fifo", None, value);
        check("a b", None, value);
        check(&"x".repeat(81), None, value);
        check("a", Some("false"), Err(Code::InvalidAttributeName));
        check("a", Some("yes"), Err(Code::InvalidAttributeValue));
    }
}
