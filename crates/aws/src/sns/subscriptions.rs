//! Subscriptions: subscribing, confirming, changing, listing.

use http::Method;
use lambent_core::topic::{HTTP_RETRY, Subscription, SubscriptionSpec};
use lambent_core::{Arn, Target};
use lambent_engine::Events;
use lambent_engine::events::Error;

use super::error::{invalid, refusal, required, subscription, topic};
use super::topics::entries;
use super::{Answer, attributes, page};
use crate::protocol::Refusal;
use crate::query::{Form, Xml, answer, done};
use crate::service::Call;

/// `Subscribe`.
pub(super) async fn subscribe(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let form = form.all();
    let topic = topic(events, &form, "TopicArn")?;
    let protocol = required(&form, "Protocol")?;
    let target = endpoint(events, &protocol, &form.get("Endpoint").unwrap_or_default())?;
    let mut spec = SubscriptionSpec::to(target);
    let pairs = form.pairs("Attributes", "key", "value");
    attributes::set(events, &mut spec, pairs.iter().map(|(name, value)| (&**name, &**value)))
        .map_err(|reason| invalid(format!("Attributes Reason: {reason}")))?;
    let target = spec.target.clone();
    let subscribed = events.subscribe(&topic, spec).await.map_err(|error| match error {
        Error::Invalid(_) if has(events, &topic, &target) => {
            invalid("Attributes Reason: Subscription already exists with different attributes")
        }
        Error::NoQueue(_) => invalid("Endpoint Reason: there is no such queue"),
        Error::DeadLetters { reason, .. } => invalid(format!("Attributes Reason: RedrivePolicy: {reason}")),
        other => refusal(other),
    })?;
    let shown = form.get("ReturnSubscriptionArn").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let arn = match subscribed.unconfirmed {
        Some(_) if !shown => "pending confirmation".to_owned(),
        _ => events.subscription_arn(&subscribed),
    };
    Ok(answer(&call, |xml| xml.text("SubscriptionArn", &arn)))
}

/// Whether a topic has a subscription to a target.
fn has(events: &Events, topic: &lambent_core::TopicName, target: &Target) -> bool {
    events.topic(topic).is_ok_and(|topic| topic.subscriptions().any(|have| have.target == *target))
}

/// `ConfirmSubscription`, as a call or as the link that the address was sent. The token is the right to it.
pub(super) async fn confirm(events: &Events, call: Call) -> Answer {
    let text = match call.head.method {
        Method::GET => call.head.uri.query().unwrap_or_default().as_bytes(),
        _ => &call.body,
    };
    let form = Form::parse(text)?;
    let topic = topic(events, &form.all(), "TopicArn")?;
    let token = required(&form.all(), "Token")?;
    let confirmed = events.confirm_subscription(&topic, &token).await.map_err(|error| match error {
        Error::Invalid(_) => invalid("Token"),
        other => refusal(other),
    })?;
    let arn = events.subscription_arn(&confirmed);
    Ok(answer(&call, |xml| xml.text("SubscriptionArn", &arn)))
}

/// `Unsubscribe`. Who has not subscribed is unsubscribed.
pub(super) async fn unsubscribe(events: &Events, call: Call) -> Answer {
    let (topic, id) = subscription(events, &Form::parse(&call.body)?.all())?;
    match events.unsubscribe(&topic, &id).await {
        Ok(()) | Err(Error::NoSubscription(_) | Error::NoTopic(_)) => Ok(done(&call)),
        Err(error) => Err(refusal(error)),
    }
}

/// `ListSubscriptions`.
pub(super) async fn list(events: &Events, call: Call) -> Answer {
    let token = Form::parse(&call.body)?.all().get("NextToken").map(std::borrow::Cow::into_owned);
    let of = |topic: &lambent_engine::events::Topic| topic.subscriptions().cloned().collect::<Vec<_>>();
    let all = events.topics().iter().flat_map(|topic| of(topic)).collect();
    listed(events, &call, all, token.as_deref())
}

/// `ListSubscriptionsByTopic`.
pub(super) async fn list_by_topic(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let topic = topic(events, &form.all(), "TopicArn")?;
    let token = form.all().get("NextToken");
    let all = events.subscriptions(&topic).map_err(refusal)?;
    listed(events, &call, all, token.as_deref())
}

/// `GetSubscriptionAttributes`.
pub(super) async fn get_attributes(events: &Events, call: Call) -> Answer {
    let (topic, id) = subscription(events, &Form::parse(&call.body)?.all())?;
    let gone = |error| match error {
        Error::NoTopic(name) => refusal(Error::NoSubscription(name)),
        other => refusal(other),
    };
    let topic = events.topic(&topic).map_err(gone)?;
    let subscription = topic.subscription(&id).map_err(gone)?;
    let node = events.node();
    let (protocol, endpoint) = shown(events, &subscription.target);
    let mut attributes = vec![
        ("SubscriptionArn", events.subscription_arn(subscription)),
        ("TopicArn", node.topic_arn(&topic.name)),
        ("Owner", node.account.clone()),
        ("Protocol", protocol.to_owned()),
        ("Endpoint", endpoint),
        ("PendingConfirmation", subscription.unconfirmed.is_some().to_string()),
        // Who has the token has the right: nobody is asked for a signature.
        ("ConfirmationWasAuthenticated", "false".to_owned()),
        ("RawMessageDelivery", subscription.raw.to_string()),
    ];
    if let Some(filter) = &subscription.filter {
        if filter.policy != attributes::EMPTY {
            attributes.push(("FilterPolicy", filter.policy.clone()));
        }
        attributes.push(("FilterPolicyScope", format!("{:?}", filter.scope)));
    }
    if let Some(queue) = &subscription.dead_letter {
        let policy = format!(r#"{{"deadLetterTargetArn":"{}"}}"#, node.queue_arn(queue));
        attributes.push(("RedrivePolicy", policy));
    }
    if let Target::Http(_) = subscription.target {
        if subscription.retry != HTTP_RETRY {
            attributes.push(("DeliveryPolicy", attributes::policy(&subscription.retry)));
        }
        attributes.push(("EffectiveDeliveryPolicy", attributes::policy(&subscription.retry)));
    }
    Ok(answer(&call, |xml| entries(xml, &attributes)))
}

/// `SetSubscriptionAttributes`.
pub(super) async fn set_attributes(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let (topic, id) = subscription(events, &form.all())?;
    let name = required(&form.all(), "AttributeName")?;
    let value = form.all().get("AttributeValue").unwrap_or_default();
    let mut wrong = None;
    let change = |spec: &mut SubscriptionSpec| {
        let before = spec.clone();
        if let Err(reason) = attributes::set(events, spec, std::iter::once((name.as_str(), &*value))) {
            wrong = Some(reason);
            *spec = before;
        }
    };
    let changed = events.change_subscription(&topic, &id, change).await;
    if let Some(reason) = wrong {
        return Err(invalid(reason));
    }
    changed.map_err(|error| match error {
        Error::NoTopic(name) => refusal(Error::NoSubscription(name)),
        Error::DeadLetters { reason, .. } => invalid(format!("RedrivePolicy: {reason}")),
        other => refusal(other),
    })?;
    Ok(done(&call))
}

/// What a protocol and an endpoint mean.
fn endpoint(events: &Events, protocol: &str, endpoint: &str) -> Result<Target, Refusal> {
    let ours = |target: &Target| events.node().target_arn(target) == endpoint.trim_end_matches(":$LATEST");
    let named = || Arn::parse(endpoint).and_then(|arn| arn.target()).filter(ours);
    match protocol {
        "sqs" => match named() {
            Some(queue @ Target::Queue(_)) => Ok(queue),
            _ => Err(invalid("SQS endpoint ARN")),
        },
        "lambda" => match named() {
            Some(function @ Target::Function(_)) => Ok(function),
            _ => Err(invalid("Lambda endpoint ARN")),
        },
        "http" | "https" => match Target::parse(endpoint) {
            Ok(address @ Target::Http(_)) if endpoint.split("://").next() == Some(protocol) => Ok(address),
            Err(error) => Err(invalid(format!("Endpoint Reason: {error}"))),
            Ok(_) => Err(invalid("Endpoint must match the specified protocol")),
        },
        "email" | "email-json" | "sms" | "application" | "firehose" => Err(invalid(format!(
            "Protocol Reason: Lambent does not deliver by `{protocol}`. It has sqs, lambda, http and https."
        ))),
        _ => Err(invalid(format!("Amazon SNS does not support this protocol string: {protocol}"))),
    }
}

/// A target as clients know it: protocol and endpoint.
fn shown(events: &Events, target: &Target) -> (&'static str, String) {
    let protocol = match target {
        Target::Queue(_) => "sqs",
        Target::Function(_) => "lambda",
        Target::Http(url) if url.starts_with("https:") => "https",
        Target::Http(_) | Target::Topic(_) | Target::Bus(_) => "http",
    };
    (protocol, events.node().target_arn(target))
}

/// A page of subscriptions, sorted by their ids.
fn listed(events: &Events, call: &Call, mut all: Vec<Subscription>, token: Option<&str>) -> Answer {
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let (subscriptions, next) = page(all, token, |subscription| subscription.id.as_str());
    let member = |xml: &mut Xml, subscription: &Subscription| {
        let arn = match subscription.unconfirmed {
            Some(_) => "PendingConfirmation".to_owned(),
            None => events.subscription_arn(subscription),
        };
        let (protocol, endpoint) = shown(events, &subscription.target);
        xml.text("SubscriptionArn", &arn);
        xml.text("Owner", &events.node().account);
        xml.text("Protocol", protocol);
        xml.text("Endpoint", &endpoint);
        xml.text("TopicArn", &events.node().topic_arn(&subscription.topic));
    };
    Ok(answer(call, |xml| {
        xml.element("Subscriptions", |xml| {
            for subscription in &subscriptions {
                xml.element("member", |xml| member(xml, subscription));
            }
        });
        if let Some(next) = next {
            xml.text("NextToken", &next);
        }
    }))
}
