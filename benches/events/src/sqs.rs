//! A client of SQS: the JSON protocol, over one connection.

use std::borrow::Cow;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::json;

use crate::http::{Connection, post};

/// Bytes of a message.
pub(crate) const MESSAGE: usize = 200;

/// A key that nobody knows, and a signature that nobody checks: servers of one machine look for the service in it.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sqs/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=0";

/// A client with one connection, and the queue that it works on.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    queue: String,
    /// What is sent again and again, ready to be sent.
    send: Vec<u8>,
    send_batch: Vec<u8>,
    receive: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received<'a> {
    #[serde(borrow, default)]
    messages: Option<Vec<Message<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    #[serde(borrow)]
    receipt_handle: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SentBatch {
    #[serde(default)]
    failed: Option<Vec<serde::de::IgnoredAny>>,
}

impl Client {
    /// Makes a queue if there is none of this name, and returns its address.
    pub(crate) async fn create(port: u16, name: &str) -> anyhow::Result<String> {
        let mut connection = Connection::new(port);
        let body = json!({ "QueueName": name, "Attributes": { "VisibilityTimeout": "600" } });
        let answer = ask(&mut connection, "CreateQueue", &request("CreateQueue", &body.to_string())).await?;
        Ok(serde_json::from_slice::<Created>(answer).context("the queue has no address")?.queue_url)
    }

    /// A client for the queue at this address.
    pub(crate) fn new(port: u16, queue: &str) -> Self {
        let body = "x".repeat(MESSAGE);
        let entries: Vec<_> = (0..10).map(|i| json!({ "Id": i.to_string(), "MessageBody": body })).collect();
        let send = json!({ "QueueUrl": queue, "MessageBody": body });
        let send_batch = json!({ "QueueUrl": queue, "Entries": entries });
        let receive = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 1 });
        Self {
            connection: Connection::new(port),
            queue: queue.to_owned(),
            send: request("SendMessage", &send.to_string()),
            send_batch: request("SendMessageBatch", &send_batch.to_string()),
            receive: request("ReceiveMessage", &receive.to_string()),
        }
    }

    pub(crate) async fn send(&mut self) -> anyhow::Result<()> {
        ask(&mut self.connection, "SendMessage", &self.send).await.map(drop)
    }

    /// Sends ten messages.
    pub(crate) async fn send_batch(&mut self) -> anyhow::Result<()> {
        let answer = ask(&mut self.connection, "SendMessageBatch", &self.send_batch).await?;
        let failed = serde_json::from_slice::<SentBatch>(answer)?.failed.unwrap_or_default();
        if !failed.is_empty() {
            bail!("{} of ten messages were not taken: {}", failed.len(), String::from_utf8_lossy(answer));
        }
        Ok(())
    }

    /// The handle of a message, or `None` when there is none to be had.
    pub(crate) async fn receive(&mut self) -> anyhow::Result<Option<String>> {
        let answer = ask(&mut self.connection, "ReceiveMessage", &self.receive).await?;
        let received: Received<'_> = serde_json::from_slice(answer)?;
        let message = received.messages.unwrap_or_default().into_iter().next();
        Ok(message.map(|message| message.receipt_handle.into_owned()))
    }

    pub(crate) async fn delete(&mut self, handle: &str) -> anyhow::Result<()> {
        let body = json!({ "QueueUrl": self.queue, "ReceiptHandle": handle });
        let request = request("DeleteMessage", &body.to_string());
        ask(&mut self.connection, "DeleteMessage", &request).await.map(drop)
    }
}

fn request(action: &str, body: &str) -> Vec<u8> {
    let target = format!("AmazonSQS.{action}");
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", &target),
        ("x-amz-date", "20260101T000000Z"),
        ("authorization", SIGNED),
    ];
    post("/", &headers, body.as_bytes())
}

async fn ask<'a>(connection: &'a mut Connection, action: &str, request: &[u8]) -> anyhow::Result<&'a [u8]> {
    let answer = connection.ask(request).await.with_context(|| format!("no good answer to {action}"))?;
    if answer.status != 200 {
        bail!("{action} failed: {} {}", answer.status, String::from_utf8_lossy(answer.body));
    }
    Ok(answer.body)
}
