//! A durable queue drained into a function, and the same function looped over an array, through the same engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use lambent_core::{
    FunctionName, FunctionVersion, Origin, Outcome, QueueName, QueueSpec, SourceFrom, SourceSpec,
};
use lambent_engine::Engine;
use lambent_engine::events::{Outgoing, Queue};
use tokio::task::JoinSet;

use crate::node::Node;

/// Messages of a batch.
const BATCH: usize = 10;
/// Bytes of a message.
const BODY: usize = 200;
/// Events that are looped over.
const EVENTS: usize = 100;
/// Messages of one commit while the queue is filled, and how many such commits wait at once.
const FILL: usize = 500;
const FILLING: usize = 4;
/// How often it is looked whether the queue is drained.
const LOOK: Duration = Duration::from_millis(2);
/// How long the node rests once the queue is filled: whatever writing leaves behind is over then.
const SETTLE: Duration = Duration::from_millis(500);
/// How long draining may take.
const DRAIN_MAX: Duration = Duration::from_secs(300);

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A folder for the node's files
    #[arg(long)]
    data: PathBuf,
    /// The folder of the function's code
    #[arg(long)]
    code: PathBuf,
    /// Messages of a round
    #[arg(long)]
    messages: usize,
    /// How often both are measured
    #[arg(long)]
    rounds: usize,
    /// Batches that are worked on at once
    #[arg(long)]
    at_once: usize,
}

/// Prints a line a round: how many messages a second went through the function in both ways, in how many sandboxes.
pub(crate) async fn measure(options: Options) -> anyhow::Result<()> {
    let name = FunctionName::parse("drain")?;
    let node = Node::start(&options.data, &name, options.code.clone()).await?;
    let measured = rounds(&node, &name, &options).await;
    node.stop().await;
    measured
}

async fn rounds(node: &Node, name: &FunctionName, options: &Options) -> anyhow::Result<()> {
    let drain = Drain::new(node, name, options.at_once).await?;
    let messages = options.messages - options.messages % BATCH;
    for round in 0..=options.rounds {
        drain.fill(messages).await?;
        tokio::time::sleep(SETTLE).await;
        let (looped, loop_sandboxes) = (drain.looped(messages).await?, drain.sandboxes());
        let (drained, drain_sandboxes) = (drain.drained(messages).await?, drain.sandboxes());
        // The first is for warming up: code is compiled, sandboxes are started.
        if round > 0 {
            let sandboxes = serde_json::json!({ "looped": loop_sandboxes, "drained": drain_sandboxes });
            println!(
                "{}",
                serde_json::json!({ "looped": looped, "drained": drained, "sandboxes": sandboxes })
            );
            eprintln!("round {round} of {}", options.rounds);
        }
    }
    Ok(())
}

/// A queue, a function, and what is between them.
struct Drain<'a> {
    node: &'a Node,
    function: Arc<FunctionVersion>,
    queue: Arc<Queue>,
    name: QueueName,
    at_once: usize,
}

impl<'a> Drain<'a> {
    async fn new(node: &'a Node, function: &FunctionName, at_once: usize) -> anyhow::Result<Self> {
        let name = QueueName::parse("drained")?;
        let queue = node.engine.events().declare_queue(&name, QueueSpec::default()).await?;
        let function = node.engine.function(function.as_str()).context("the function is not deployed")?;
        Ok(Self { node, function, queue, name, at_once })
    }

    fn sandboxes(&self) -> usize {
        self.node.engine.sandboxes(self.function.name().as_str())
    }

    /// Puts messages into the queue.
    async fn fill(&self, messages: usize) -> anyhow::Result<()> {
        let mut sends = JoinSet::new();
        for first in (0..messages).step_by(FILL) {
            if sends.len() >= FILLING
                && let Some(sent) = sends.join_next().await
            {
                sent??;
            }
            let (events, queue) = (self.node.engine.events().clone(), Arc::clone(&self.queue));
            let outgoing = |i| Outgoing { body: body(i).into(), ..Outgoing::default() };
            let batch: Vec<_> = (first..messages.min(first + FILL)).map(outgoing).collect();
            sends.spawn(async move {
                let sent = events.send(&queue, batch).await?;
                sent.into_iter().try_for_each(|sent| sent.map(drop))
            });
        }
        while let Some(sent) = sends.join_next().await {
            sent??;
        }
        Ok(())
    }

    /// Runs the function for events that are in memory; messages a second.
    async fn looped(&self, messages: usize) -> anyhow::Result<f64> {
        let events: Arc<[Bytes]> = (0..EVENTS).map(event).collect();
        let next = Arc::new(AtomicUsize::new(0));
        let batches = messages / BATCH;
        let begun = Instant::now();
        let mut loops = JoinSet::new();
        for _ in 0..self.at_once {
            let (engine, function) = (self.node.engine.clone(), Arc::clone(&self.function));
            let (events, next) = (Arc::clone(&events), Arc::clone(&next));
            loops.spawn(async move {
                loop {
                    let batch = next.fetch_add(1, Ordering::Relaxed);
                    if batch >= batches {
                        return anyhow::Ok(());
                    }
                    run(&engine, &function, events[batch % EVENTS].clone()).await?;
                }
            });
        }
        while let Some(ended) = loops.join_next().await {
            ended??;
        }
        Ok(messages as f64 / begun.elapsed().as_secs_f64())
    }

    /// Turns the source on until the queue is empty; messages a second.
    async fn drained(&self, messages: usize) -> anyhow::Result<f64> {
        let before = self.done().await?;
        let begun = Instant::now();
        self.node.sources.replace(vec![self.source(true)])?;
        while self.counted()? < messages as u64 {
            if begun.elapsed() > DRAIN_MAX {
                bail!("the queue is not drained after {DRAIN_MAX:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
        let took = begun.elapsed();
        self.node.sources.replace(vec![self.source(false)])?;
        // What the source counts in memory has to be what the store has on the disk.
        let done = self.done().await? - before;
        if done != messages as u64 {
            bail!("{messages} messages were drained, and the account says {done}");
        }
        Ok(messages as f64 / took.as_secs_f64())
    }

    /// Messages that the source counts as done.
    fn counted(&self) -> anyhow::Result<u64> {
        let status = self.node.sources.status().into_iter().next().context("there is no source")?;
        if status.counts.failed > 0 || status.counts.stale > 0 {
            bail!("messages were not drained as they should be: {:?}, {:?}", status.counts, status.state);
        }
        Ok(status.counts.done)
    }

    /// Messages that the queue's account has as done.
    async fn done(&self) -> anyhow::Result<u64> {
        let ledger = self.node.engine.events().ledger().await?;
        let entry = ledger.entries.into_iter().find(|entry| entry.name == self.queue.key);
        Ok(entry.context("the queue has no account")?.account.done)
    }

    fn source(&self, enabled: bool) -> SourceSpec {
        SourceSpec {
            function: self.function.name().clone(),
            from: SourceFrom::Queue(self.name.clone()),
            batch: BATCH,
            window: Duration::ZERO,
            filters: Vec::new(),
            partial_failures: false,
            concurrency: Some(self.at_once),
            enabled,
        }
    }
}

async fn run(engine: &Engine, function: &Arc<FunctionVersion>, event: Bytes) -> anyhow::Result<()> {
    let call = engine.invocation(function, event, Origin::Source, None);
    match engine.invoke(call).await.outcome {
        Outcome::Returned(_) => Ok(()),
        other => bail!("the function did not succeed: {other:?}"),
    }
}

/// A message.
fn body(i: usize) -> String {
    let rest = BODY - r#"{"id":00000000,"rest":""}"#.len();
    format!(r#"{{"id":{:08},"rest":"{}"}}"#, 10_000_000 + i % 90_000_000, "x".repeat(rest))
}

/// A batch as a source writes it, the same number of bytes.
fn event(i: usize) -> Bytes {
    let record = |i: usize| {
        let body = serde_json::Value::from(body(i)).to_string();
        format!(
            r#"{{"messageId":"{i:08x}-0000-4000-8000-000000000000","receiptHandle":"1-{i:08x}-10000000001-00000000","body":{body},"attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"1770112800007","SenderId":"000000000000","ApproximateFirstReceiveTimestamp":"1770112800107"}},"messageAttributes":{{}},"md5OfBody":"{i:032x}","md5OfMessageAttributes":null,"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:000000000000:drained","awsRegion":"us-east-1"}}"#
        )
    };
    let records: Vec<String> = (i * BATCH..(i + 1) * BATCH).map(record).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(",")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_with_bodies_of_the_right_size() {
        let event: serde_json::Value = serde_json::from_slice(&event(7)).unwrap();
        let records = event["Records"].as_array().unwrap();
        assert_eq!(records.len(), BATCH);
        for record in records {
            let body = record["body"].as_str().unwrap();
            assert_eq!(body.len(), BODY);
            assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
        }
    }
}
