//! Clients that never stop: what each of them sends.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::books::{Common, Phase};
use super::victim::Ports;
use super::wire::{Sent, Wire};
use crate::harness::Answer;

/// Messages of one group, in the queue that keeps order.
const GROUP: u32 = 12;
/// Groups that a client sends to by turns.
const GROUPS: usize = 3;
/// How long to wait before a node that is down is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// A client: a thread with connections of its own.
pub(super) struct Client<'a> {
    name: String,
    common: &'a Common,
    api: Wire,
    gateway: Wire,
    admin: Wire,
    ports: Ports,
    random: Rng,
    count: u32,
    /// Its groups, and how many messages of each were accepted.
    groups: Vec<(String, u32)>,
}

/// What a client does again and again, and how often in one life of the node.
pub(super) type Share<'a> = (&'static str, u32, fn(&mut Client<'a>) -> Option<()>);

impl<'a> Client<'a> {
    /// The shares of the load.
    pub(super) const SHARES: [Share<'a>; 6] = [
        ("job", 20, Self::invoke),
        ("order", 10, Self::send),
        ("news", 8, Self::publish),
        ("line", 16, Self::send_in_order),
        ("out", 10, Self::receive),
        ("redrive", 1, Self::redrive),
    ];

    pub(super) fn new(name: String, common: &'a Common, ports: Ports, seed: u64) -> Self {
        Self {
            name,
            common,
            api: Wire::new(ports.api),
            gateway: Wire::new(ports.gateway),
            admin: Wire::new(ports.admin),
            ports,
            random: Rng::with_seed(seed),
            count: 0,
            groups: Vec::new(),
        }
    }

    /// Does its share in every life of the node, until the end.
    pub(super) fn run(mut self, often: u32, step: fn(&mut Client<'a>) -> Option<()>) {
        let mut life = 0;
        while let Some(next) = self.common.life_after(life) {
            life = next;
            for _ in 0..often {
                if self.common.phase() != Phase::Loading || step(&mut self).is_none() {
                    return;
                }
            }
        }
    }

    /// A new message: most do well, some fail once, some always.
    fn message(&mut self, can_be_poison: bool) -> String {
        self.count += 1;
        let kind = match self.random.u32(0..40) {
            0 if can_be_poison => "poison",
            1..=4 => "flaky",
            _ => "plain",
        };
        format!("{kind}.{}.{}", self.name, self.count)
    }

    /// Asks until there is an answer; `None` when all is lost.
    fn answer(&mut self, mut ask: impl FnMut(&mut Self) -> Sent) -> Option<Answer> {
        while self.common.phase() != Phase::Lost {
            if let Sent::Answered(answer) = ask(self) {
                return Some(answer);
            }
            std::thread::sleep(PAUSE);
        }
        None
    }

    /// Asks until there is an answer or it is not known whether it was done: then that is `None` within.
    fn once(&mut self, mut ask: impl FnMut(&mut Self) -> Sent) -> Option<Option<Answer>> {
        while self.common.phase() != Phase::Lost {
            match ask(self) {
                Sent::Answered(answer) => return Some(Some(answer)),
                Sent::Unknown => return Some(None),
                Sent::Unsent => std::thread::sleep(PAUSE),
            }
        }
        None
    }

    fn sqs(&mut self, action: &str, queue: &str, mut body: Value) -> Sent {
        body["QueueUrl"] = json!(format!("http://127.0.0.1:{}/000000000000/{queue}", self.ports.api));
        let target = format!("AmazonSQS.{action}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        self.api.send("POST", "/", &headers, &body.to_string())
    }

    /// Has an event accepted, and now and then one that was accepted before.
    fn invoke(&mut self) -> Option<()> {
        let id = self.message(true);
        let invocation = self.accepted(&id)?;
        self.common.books.lock().unwrap().jobs.insert(id, invocation);
        if self.random.u32(0..4) == 0 {
            let (id, known) = {
                let books = self.common.books.lock().unwrap();
                let chosen = self.random.usize(0..books.jobs.len());
                books.jobs.iter().nth(chosen).map(|(id, known)| (id.clone(), known.clone()))?
            };
            assert_eq!(self.accepted(&id)?, known, "the same key is another event: {id}");
        }
        Some(())
    }

    /// Has an event accepted under the key of its id, by one of two ways; the id of the invocation.
    fn accepted(&mut self, id: &str) -> Option<String> {
        let body = json!({ "id": id }).to_string();
        if id.ends_with(['0', '1', '2']) {
            let headers = [("idempotency-key", id), ("content-type", "application/json")];
            let answer = self.answer(|this| this.gateway.send("POST", "/jobs", &headers, &body))?;
            assert_eq!(answer.status, 202, "{answer:?}");
            return Some(answer.json()["invocationId"].as_str().unwrap().to_owned());
        }
        let headers = [("x-lambent-idempotency-key", id), ("x-amz-invocation-type", "Event")];
        let path = "/2015-03-31/functions/job/invocations";
        let answer = self.answer(|this| this.api.send("POST", path, &headers, &body))?;
        assert_eq!(answer.status, 202, "{answer:?}");
        Some(answer.header("x-amzn-requestid").unwrap().to_owned())
    }

    /// Sends one message to the queue, or ten.
    fn send(&mut self) -> Option<()> {
        let many = if self.random.bool() { 1 } else { 10 };
        let ids: Vec<String> = (0..many).map(|_| self.message(true)).collect();
        let (action, body) = match ids.as_slice() {
            [id] => ("SendMessage", json!({ "MessageBody": id })),
            _ => {
                let entry = |(i, id): (usize, &String)| json!({ "Id": i.to_string(), "MessageBody": id });
                let entries: Vec<Value> = ids.iter().enumerate().map(entry).collect();
                ("SendMessageBatch", json!({ "Entries": entries }))
            }
        };
        let answer = self.once(|this| this.sqs(action, "orders", body.clone()))?;
        if let Some(answer) = &answer {
            assert!(answer.status == 200 && !answer.body.contains("\"Failed\":[{"), "{answer:?}");
        }
        let mut books = self.common.books.lock().unwrap();
        books.orders.note(ids, answer.is_some());
        Some(())
    }

    /// Publishes one message.
    fn publish(&mut self) -> Option<()> {
        let id = self.message(true);
        let arn = "arn:aws:sns:us-east-1:000000000000:news";
        let form = format!("Action=Publish&Version=2010-03-31&TopicArn={arn}&Message={id}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.once(|this| this.api.send("POST", "/", &headers, &form))?;
        if let Some(answer) = &answer {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        self.common.books.lock().unwrap().news.note(vec![id], answer.is_some());
        Some(())
    }

    /// Sends the next message of a group, when the one before it is known to be accepted.
    fn send_in_order(&mut self) -> Option<()> {
        self.groups.retain(|(_, count)| *count < GROUP);
        if self.groups.len() < GROUPS {
            self.count += 1;
            self.groups.push((format!("{}-{}", self.name, self.count), 0));
        }
        let chosen = self.random.usize(0..self.groups.len());
        let (group, count) = self.groups[chosen].clone();
        let kind = if self.random.u32(0..20) == 0 { "flaky" } else { "plain" };
        let id = format!("{kind}.{group}.{}", count + 1);
        let ask = json!({ "MessageBody": id, "MessageGroupId": group, "MessageDeduplicationId": id });
        let mut place = || {
            let answer = self.answer(|this| this.sqs("SendMessage", "line.fifo", ask.clone()))?;
            assert_eq!(answer.status, 200, "{answer:?}");
            Some(answer.json()["SequenceNumber"].clone())
        };
        let first = place()?;
        if count % 4 == 0 {
            assert_eq!(place()?, first, "the same message is accepted twice: {id}");
        }
        self.groups[chosen].1 += 1;
        self.common.books.lock().unwrap().line.insert(group, count + 1);
        Some(())
    }

    /// Takes messages that tell of successes, and deletes them.
    pub(super) fn receive(&mut self) -> Option<()> {
        let ask = json!({ "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0 });
        let answer = self.once(|this| this.sqs("ReceiveMessage", "out", ask.clone()))?;
        let Some(answer) = answer else { return Some(()) };
        assert_eq!(answer.status, 200, "{answer:?}");
        let messages = answer.json()["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            std::thread::sleep(PAUSE);
            return Some(());
        }
        let mut entries = Vec::new();
        for message in &messages {
            let record: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            let (id, own) = (&record["requestContext"]["requestId"], &message["MessageId"]);
            let (id, own) = (id.as_str().unwrap().to_owned(), own.as_str().unwrap().to_owned());
            let first = self.common.books.lock().unwrap().out.insert(id.clone(), own.clone());
            assert!(first.is_none_or(|first| first == own), "two messages tell of the success of {id}");
            entries.push(json!({ "Id": own, "ReceiptHandle": message["ReceiptHandle"] }));
        }
        let delete = json!({ "Entries": entries });
        let answer = self.once(|this| this.sqs("DeleteMessageBatch", "out", delete.clone()))?;
        assert!(answer.is_none_or(|answer| answer.status == 200));
        Some(())
    }

    /// Sends dead letters back, unless that is under way.
    pub(super) fn redrive(&mut self) -> Option<()> {
        for from in ["dead-orders", "dead-jobs"] {
            let body = json!({ "from": from, "rate": 100 }).to_string();
            let answer = self.once(|this| this.admin.send("POST", "/v1/redrives", &[], &body))?;
            let status = answer.map(|answer| answer.status);
            assert!(matches!(status, None | Some(201 | 409)), "{status:?}");
        }
        Some(())
    }
}
