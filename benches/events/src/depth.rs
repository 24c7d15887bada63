//! What a receive takes while many messages wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context;
use tokio::task::JoinSet;

use crate::percentile::Times;
use crate::sqs::Client;

/// Messages of one batch.
const BATCH: usize = 10;

/// What is filled.
#[derive(Debug, clap::Args)]
pub(crate) struct Fill {
    /// Port of the server
    #[arg(long)]
    port: u16,
    /// The queue, made if there is none
    #[arg(long)]
    queue: String,
    /// How many messages it gets
    #[arg(long)]
    messages: usize,
    /// Connections at once
    #[arg(long)]
    connections: usize,
}

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Port of the server
    #[arg(long)]
    port: u16,
    /// The queue
    #[arg(long)]
    queue: String,
    /// Messages that are received, each with a time of its own
    #[arg(long)]
    samples: usize,
}

/// Fills a queue with batches, and prints how many messages it took a second.
pub(crate) async fn fill(options: Fill) -> anyhow::Result<()> {
    let queue = Client::create(options.port, &options.queue).await?;
    let begun = Instant::now();
    let sent = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..options.connections {
        let (mut client, sent) = (Client::new(options.port, &queue), Arc::clone(&sent));
        clients.spawn(async move {
            while sent.fetch_add(BATCH, Ordering::Relaxed) < options.messages {
                client.send_batch().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let messages = options.messages.next_multiple_of(BATCH) as f64;
    println!("{}", serde_json::json!({ "rate": messages / begun.elapsed().as_secs_f64() }));
    Ok(())
}

/// Receives and deletes messages one by one, and sends as many again, so that the queue stays as deep as it is. Prints
/// the times of the receives.
pub(crate) async fn measure(options: &Options) -> anyhow::Result<()> {
    let queue = Client::create(options.port, &options.queue).await?;
    let mut client = Client::new(options.port, &queue);
    let (mut receives, mut deletes) = (Times::default(), Times::default());
    for _ in 0..options.samples {
        let begun = Instant::now();
        let handle = client.receive().await?.context("the queue is empty")?;
        receives.push(begun.elapsed());
        let begun = Instant::now();
        client.delete(&handle).await?;
        deletes.push(begun.elapsed());
        client.send().await?;
    }
    let measured = serde_json::json!({
        "receive_p50": receives.percentile(50),
        "receive_p99": receives.percentile(99),
        "delete_p50": deletes.percentile(50),
    });
    println!("{measured}");
    Ok(())
}
