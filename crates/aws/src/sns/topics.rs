//! Topics: making, changing, listing, tagging.

use std::collections::BTreeMap;

use lambent_core::TopicName;
use lambent_core::topic::{HTTP_RETRY, TopicSpec};
use lambent_engine::Events;
use lambent_engine::events::Error;

use super::error::{invalid, not_found, refusal, required, topic};
use super::{Answer, attributes, page};
use crate::protocol::Refusal;
use crate::query::{Form, Section, Xml, answer, done};
use crate::service::Call;

/// Most tags of a topic (SNS).
const TAGS_MAX: usize = 50;

/// `CreateTopic`.
pub(super) async fn create(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let name = required(&form.all(), "Name").map_err(|_| invalid("Topic Name"))?;
    let name = TopicName::parse(&name).map_err(|error| invalid(format!("Topic Name Reason: {error}")))?;
    let mut spec = TopicSpec { tags: tags(&form.all())?, ..TopicSpec::default() };
    let mut fifo = false;
    for (attribute, value) in form.all().pairs("Attributes", "key", "value") {
        if attribute == "FifoTopic" {
            fifo = attributes::truth(&attribute, &value)?;
        } else {
            set(&mut spec, &attribute, &value)?;
        }
    }
    if fifo && !name.is_fifo() {
        return Err(invalid("Fifo Topic names must end with .fifo"));
    }
    if !fifo && name.is_fifo() {
        return Err(invalid(
            "Topic Name Reason: a topic whose name ends in .fifo needs the attribute FifoTopic",
        ));
    }
    events.create_topic(&name, spec).await.map_err(|error| match error {
        Error::Invalid(_) => invalid("Attributes Reason: Topic already exists with different attributes"),
        other => refusal(other),
    })?;
    Ok(answer(&call, |xml| xml.text("TopicArn", &events.node().topic_arn(&name))))
}

/// `DeleteTopic`. One that is not there is deleted.
pub(super) async fn delete(events: &Events, call: Call) -> Answer {
    let name = topic(events, &Form::parse(&call.body)?.all(), "TopicArn")?;
    match events.delete_topic(&name).await {
        Ok(()) | Err(Error::NoTopic(_)) => Ok(done(&call)),
        Err(error) => Err(refusal(error)),
    }
}

/// `ListTopics`.
pub(super) async fn list(events: &Events, call: Call) -> Answer {
    let token = Form::parse(&call.body)?.all().get("NextToken").map(std::borrow::Cow::into_owned);
    let (topics, next) = page(events.topics(), token.as_deref(), |topic| topic.name.as_str());
    Ok(answer(&call, |xml| {
        xml.element("Topics", |xml| {
            for topic in topics {
                let arn = events.node().topic_arn(&topic.name);
                xml.element("member", |xml| xml.text("TopicArn", &arn));
            }
        });
        if let Some(next) = next {
            xml.text("NextToken", &next);
        }
    }))
}

/// `GetTopicAttributes`.
pub(super) async fn get_attributes(events: &Events, call: Call) -> Answer {
    let name = topic(events, &Form::parse(&call.body)?.all(), "TopicArn")?;
    let topic = events.topic(&name).map_err(refusal)?;
    let pending = topic.subscriptions().filter(|one| one.unconfirmed.is_some()).count();
    let healthy = attributes::healthy(&HTTP_RETRY);
    let mut attributes = vec![
        ("TopicArn", events.node().topic_arn(&name)),
        ("Owner", events.node().account.clone()),
        ("DisplayName", topic.spec.display_name.clone()),
        ("SubscriptionsConfirmed", (topic.subscriptions().count() - pending).to_string()),
        ("SubscriptionsPending", pending.to_string()),
        ("SubscriptionsDeleted", "0".to_owned()),
        ("EffectiveDeliveryPolicy", format!(r#"{{"http":{{"defaultHealthyRetryPolicy":{healthy}}}}}"#)),
    ];
    if name.is_fifo() {
        attributes.push(("FifoTopic", "true".to_owned()));
        attributes.push(("ContentBasedDeduplication", topic.spec.content_dedup.to_string()));
    }
    Ok(answer(&call, |xml| entries(xml, &attributes)))
}

/// `SetTopicAttributes`.
pub(super) async fn set_attributes(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let name = topic(events, &form.all(), "TopicArn")?;
    let attribute = required(&form.all(), "AttributeName")?;
    let value = form.all().get("AttributeValue").unwrap_or_default();
    let mut spec = events.topic(&name).map_err(refusal)?.spec.clone();
    set(&mut spec, &attribute, &value)?;
    events
        .change_topic(&name, |have| *have = TopicSpec { tags: have.tags.clone(), ..spec })
        .await
        .map_err(refusal)?;
    Ok(done(&call))
}

/// `TagResource`.
pub(super) async fn tag(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let name = tagged(events, &form.all())?;
    let mut tags = tags(&form.all())?;
    let have = events.topic(&name).map_err(resource)?.spec.tags.clone();
    if have.keys().chain(tags.keys()).collect::<std::collections::BTreeSet<_>>().len() > TAGS_MAX {
        return Err(too_many_tags());
    }
    events.change_topic(&name, |spec| spec.tags.append(&mut tags)).await.map_err(resource)?;
    Ok(answer(&call, |_| ()))
}

/// `UntagResource`.
pub(super) async fn untag(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let name = tagged(events, &form.all())?;
    let keys = form.all().texts("TagKeys");
    let gone = |spec: &mut TopicSpec| spec.tags.retain(|key, _| !keys.iter().any(|gone| gone == key));
    events.change_topic(&name, gone).await.map_err(resource)?;
    Ok(answer(&call, |_| ()))
}

/// `ListTagsForResource`.
pub(super) async fn list_tags(events: &Events, call: Call) -> Answer {
    let name = tagged(events, &Form::parse(&call.body)?.all())?;
    let topic = events.topic(&name).map_err(resource)?;
    Ok(answer(&call, |xml| {
        xml.element("Tags", |xml| {
            for (key, value) in &topic.spec.tags {
                xml.element("member", |xml| {
                    xml.text("Key", key);
                    xml.text("Value", value);
                });
            }
        });
    }))
}

/// Attributes as answers have them.
pub(super) fn entries(xml: &mut Xml, attributes: &[(&str, String)]) {
    xml.element("Attributes", |xml| {
        for (name, value) in attributes {
            xml.element("entry", |xml| {
                xml.text("key", name);
                xml.text("value", value);
            });
        }
    });
}

/// Sets an attribute of a topic. What Lambent does not do is refused.
fn set(spec: &mut TopicSpec, attribute: &str, value: &str) -> Result<(), Refusal> {
    match attribute {
        "DisplayName" if value.chars().count() > 100 => return Err(invalid("DisplayName")),
        "DisplayName" => value.clone_into(&mut spec.display_name),
        "ContentBasedDeduplication" => spec.content_dedup = attributes::truth(attribute, value)?,
        // What there is anyway.
        "SignatureVersion" if value == "1" => {}
        "TracingConfig" if value == "PassThrough" => {}
        "FifoTopic" => return Err(invalid("AttributeName Reason: FifoTopic cannot be changed")),
        "Policy"
        | "DeliveryPolicy"
        | "KmsMasterKeyId"
        | "SignatureVersion"
        | "TracingConfig"
        | "FifoThroughputScope"
        | "ArchivePolicy" => {
            return Err(invalid(format!(
                "AttributeName Reason: Lambent does not have {attribute} = `{value}`"
            )));
        }
        _ => return Err(invalid("AttributeName")),
    }
    Ok(())
}

fn tags(form: &Section<'_, '_>) -> Result<BTreeMap<String, String>, Refusal> {
    let pairs = form.pairs("Tags", "Key", "Value").into_iter();
    let tags: BTreeMap<_, _> = pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let fits = |(key, value): (&String, &String)| {
        (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256
    };
    if !tags.iter().all(fits) {
        return Err(invalid("Tags Reason: a key has 1 to 128 characters, a value at most 256"));
    }
    if tags.len() > TAGS_MAX { Err(too_many_tags()) } else { Ok(tags) }
}

/// The topic whose tags are meant.
fn tagged(events: &Events, form: &Section<'_, '_>) -> Result<TopicName, Refusal> {
    topic(events, form, "ResourceArn")
        .map_err(|error| if error.code == "NotFound" { no_resource() } else { error })
}

fn resource(error: Error) -> Refusal {
    if matches!(error, Error::NoTopic(_)) { no_resource() } else { refusal(error) }
}

fn no_resource() -> Refusal {
    Refusal { code: "ResourceNotFound", ..not_found("Resource") }
}

fn too_many_tags() -> Refusal {
    let message = "Could not complete request: tag quota of per resource exceeded";
    Refusal::new(http::StatusCode::BAD_REQUEST, "TagLimitExceeded", message)
}
