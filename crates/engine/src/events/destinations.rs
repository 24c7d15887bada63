//! What destinations and dead letters are told about an invocation that is over (semantics.md 3).

use bytes::Bytes;
use lambent_core::json::push_string;
use lambent_core::{Attribute, Attributes, BusName, FunctionName, RequestId, Target, Timestamp, limits};

use super::fanout::{Fanout, Parcel};
use super::invocations::destination_owner;
use super::topics::Publication;
use super::{Events, Result};

/// An asynchronous invocation that is over.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) function: &'a FunctionName,
    pub(crate) id: RequestId,
    /// The function's ARN with its qualifier.
    pub(crate) arn: String,
    /// `Success`, or why it was given up.
    pub(crate) condition: &'static str,
    /// How often it was run.
    pub(crate) runs: u32,
    /// The event, JSON text.
    pub(crate) request: &'a [u8],
    /// What the function answered the last time, JSON text; `None` when it was never run.
    pub(crate) response: Option<&'a [u8]>,
    pub(crate) at: Timestamp,
}

impl Ended<'_> {
    fn succeeded(&self) -> bool {
        self.condition == "Success"
    }

    /// The record that destinations get.
    pub(crate) fn record(&self) -> String {
        let length = self.request.len() + self.response.map_or(0, <[u8]>::len);
        let mut text = String::with_capacity(length + 400);
        text.push_str("{\"version\":\"1.0\",\"timestamp\":");
        push_string(&mut text, &self.at.iso8601());
        text.push_str(",\"requestContext\":{\"requestId\":");
        push_string(&mut text, self.id.as_str());
        text.push_str(",\"functionArn\":");
        push_string(&mut text, &self.arn);
        text.push_str(",\"condition\":");
        push_string(&mut text, self.condition);
        text.push_str(&format!(",\"approximateInvokeCount\":{}}},\"requestPayload\":", self.runs));
        push_json(&mut text, self.request);
        if let Some(response) = self.response {
            text.push_str(",\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\"");
            if !self.succeeded() {
                text.push_str(",\"functionError\":\"Unhandled\"");
            }
            text.push_str("},\"responsePayload\":");
            push_json(&mut text, response);
        }
        text.push('}');
        text
    }
}

/// JSON text as it is; what is none becomes a string, nothing becomes null.
pub(crate) fn push_json(text: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok("") => text.push_str("null"),
        Ok(json) if serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok() => text.push_str(json),
        _ => push_string(text, &String::from_utf8_lossy(bytes)),
    }
}

/// The attributes that a dead letter gets beside its own.
pub(crate) fn dead_attributes(id: RequestId, message: &str) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert("RequestID".to_owned(), Attribute::text(id.as_str()));
    attributes.insert("ErrorCode".to_owned(), Attribute::number(200));
    if !message.is_empty() {
        attributes
            .insert("ErrorMessage".to_owned(), Attribute::text(cut(message, limits::FAILURE_MESSAGE_MAX)));
    }
    attributes
}

/// At most `max` bytes of a text, whole characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

impl Events {
    /// Adds the record of an invocation that is over to what is committed with it.
    ///
    /// # Errors
    /// When not even a queue of dead letters can be made.
    pub(crate) async fn tell(&self, fanout: &mut Fanout, target: &Target, ended: &Ended<'_>) -> Result<()> {
        let owner = format!("function:{}", ended.function);
        let record = ended.record();
        let parcel = Parcel { body: Bytes::from(record.clone()), owner, ..Parcel::default() };
        match target {
            Target::Queue(name) => self.deliver(fanout, &format!("queue:{name}"), parcel).await,
            Target::Function(name) => self.deliver(fanout, &format!("function:{name}"), parcel).await,
            Target::Http(_) => {
                let what = if ended.succeeded() { "success" } else { "failure" };
                let key = format!("address:{}", destination_owner(ended.function, what));
                self.deliver(fanout, &key, parcel).await
            }
            Target::Topic(name) => {
                let publication = Publication { message: record, ..Publication::default() };
                match self.publish_into(fanout, name, publication).await {
                    Ok(_) => Ok(()),
                    Err(error) => self.undeliverable(fanout, parcel, "NO_RESOURCE", &error.to_string()).await,
                }
            }
            Target::Bus(name) => {
                let event = self.bus_event(name, ended, &record);
                match self.put_into(fanout, name, &event).await {
                    Ok(()) => Ok(()),
                    Err(error) => self.undeliverable(fanout, parcel, "NO_RESOURCE", &error.to_string()).await,
                }
            }
        }
    }

    /// The event that a bus gets.
    fn bus_event(&self, bus: &BusName, ended: &Ended<'_>, record: &str) -> serde_json::Value {
        let what = if ended.succeeded() { "Success" } else { "Failure" };
        let detail: serde_json::Value = serde_json::from_str(record).unwrap_or_default();
        let at = ended.at.iso8601();
        serde_json::json!({
            "version": "0",
            "id": RequestId::from_random(fastrand::u128(..)).as_str(),
            "detail-type": format!("Lambda Function Invocation Result - {what}"),
            "source": "lambda",
            "account": self.node().account,
            "time": format!("{}Z", at.split('.').next().unwrap_or(&at)),
            "region": self.node().region,
            "resources": [self.node().bus_arn(bus), ended.arn],
            "detail": detail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(condition: &'static str, response: Option<&[u8]>) -> String {
        let function = FunctionName::parse("f").unwrap();
        let ended = Ended {
            function: &function,
            id: RequestId::from_random(0),
            arn: "arn:f:$LATEST".to_owned(),
            condition,
            runs: 3,
            request: b"{\"orderId\":7}",
            response,
            at: Timestamp::from_millis(1_770_112_800_000),
        };
        ended.record()
    }

    #[test]
    fn records_are_lambdas() {
        let head = r#"{"version":"1.0","timestamp":"2026-02-03T10:00:00.000Z","requestContext":{"requestId":"00000000-0000-4000-8000-000000000000","functionArn":"arn:f:$LATEST","condition":"#;
        assert_eq!(
            ended("RetriesExhausted", Some(br#"{"errorMessage":"boom"}"#)),
            format!(
                r#"{head}"RetriesExhausted","approximateInvokeCount":3}},"requestPayload":{{"orderId":7}},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},"responsePayload":{{"errorMessage":"boom"}}}}"#
            )
        );
        let success = ended("Success", Some(b""));
        assert!(success.ends_with(r#""executedVersion":"$LATEST"},"responsePayload":null}"#), "{success}");
        let never_run = ended("EventAgeExceeded", None);
        assert!(never_run.ends_with(r#""requestPayload":{"orderId":7}}"#), "{never_run}");
        let no_json = ended("Success", Some(b"\xffno json"));
        assert!(no_json.ends_with("\"responsePayload\":\"\u{fffd}no json\"}"), "{no_json}");
    }

    #[test]
    fn texts_are_cut_at_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("", 0), "");
    }
}
