//! What subscribers read: the message in an envelope, in the words of SNS (semantics.md 5.1).
//!
//! Signatures are empty: only AWS has the certificate that they would be checked with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lambent_core::message::Value;
use lambent_core::{Attributes, RequestId, Timestamp};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::Published;

/// The version of the signature scheme that envelopes name. There is no signature.
const SIGNATURE_VERSION: &str = "1";

/// A message and all that is said about it.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) topic: String,
    pub(super) subscription: String,
    pub(super) endpoint: &'a str,
    pub(super) published: Published,
    pub(super) at: Timestamp,
    pub(super) subject: Option<&'a str>,
    pub(super) message: &'a str,
    pub(super) attributes: &'a Attributes,
}

/// The spelling of queues and addresses; what there is not is left out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Notification<'a> {
    r#type: &'a str,
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
    topic_arn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    message: &'a str,
    timestamp: String,
    signature_version: &'a str,
    signature: &'a str,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: &'a str,
    #[serde(rename = "UnsubscribeURL")]
    unsubscribe_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_attributes: Option<Seen<'a>>,
}

/// The spelling of functions, which get every key.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    event_source: &'a str,
    event_version: &'a str,
    event_subscription_arn: &'a str,
    sns: RecordMessage<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RecordMessage<'a> {
    r#type: &'a str,
    message_id: &'a str,
    topic_arn: &'a str,
    subject: Option<&'a str>,
    message: &'a str,
    timestamp: String,
    signature_version: &'a str,
    signature: &'a str,
    signing_cert_url: &'a str,
    #[serde(rename = "UnsubscribeUrl")]
    unsubscribe_url: String,
    message_attributes: Seen<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Confirmation<'a> {
    r#type: &'a str,
    message_id: &'a str,
    token: &'a str,
    topic_arn: &'a str,
    message: String,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: String,
    timestamp: String,
    signature_version: &'a str,
    signature: &'a str,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: &'a str,
}

/// Attributes as envelopes show them.
#[derive(Clone, Copy)]
struct Seen<'a>(&'a Attributes);

impl Serialize for Seen<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct One<'a> {
            r#type: &'a str,
            value: std::borrow::Cow<'a, str>,
        }
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, attribute) in self.0 {
            let value = match &attribute.value {
                Value::Text(text) => text.into(),
                Value::Binary(bytes) => STANDARD.encode(bytes).into(),
            };
            map.serialize_entry(name, &One { r#type: &attribute.kind, value })?;
        }
        map.end()
    }
}

impl Envelope<'_> {
    /// What queues and addresses get.
    pub(super) fn notification(&self) -> Bytes {
        written(&Notification {
            r#type: "Notification",
            message_id: self.published.id.as_str(),
            sequence_number: self.published.sequence.map(|sequence| sequence.to_string()),
            topic_arn: &self.topic,
            subject: self.subject,
            message: self.message,
            timestamp: self.at.iso8601(),
            signature_version: SIGNATURE_VERSION,
            signature: "",
            signing_cert_url: "",
            unsubscribe_url: self.unsubscribe_url(),
            message_attributes: Some(Seen(self.attributes)).filter(|seen| !seen.0.is_empty()),
        })
    }

    /// The event that functions get.
    pub(super) fn for_function(&self) -> Bytes {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Event<'a> {
            records: [Record<'a>; 1],
        }
        let sns = RecordMessage {
            r#type: "Notification",
            message_id: self.published.id.as_str(),
            topic_arn: &self.topic,
            subject: self.subject,
            message: self.message,
            timestamp: self.at.iso8601(),
            signature_version: SIGNATURE_VERSION,
            signature: "",
            signing_cert_url: "",
            unsubscribe_url: self.unsubscribe_url(),
            message_attributes: Seen(self.attributes),
        };
        written(&Event {
            records: [Record {
                event_source: "aws:sns",
                event_version: "1.0",
                event_subscription_arn: &self.subscription,
                sns,
            }],
        })
    }

    fn unsubscribe_url(&self) -> String {
        format!("{}/?Action=Unsubscribe&SubscriptionArn={}", self.endpoint, self.subscription)
    }
}

/// What an address is asked before it is sent anything else.
pub(super) fn confirmation(endpoint: &str, topic: &str, token: &str, id: RequestId, at: Timestamp) -> Bytes {
    written(&Confirmation {
        r#type: super::publish::CONFIRMATION,
        message_id: id.as_str(),
        token,
        topic_arn: topic,
        message: format!(
            "You have chosen to subscribe to the topic {topic}.\n\
             To confirm the subscription, visit the SubscribeURL included in this message."
        ),
        subscribe_url: format!("{endpoint}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"),
        timestamp: at.iso8601(),
        signature_version: SIGNATURE_VERSION,
        signature: "",
        signing_cert_url: "",
    })
}

fn written(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("texts are written as JSON"))
}
