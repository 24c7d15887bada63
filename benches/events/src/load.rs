//! A message sent, received and deleted, over and over, over some connections.

use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::task::JoinSet;

use crate::sqs::Client;

/// Receives in a row that may give nothing, although a message was sent before.
const EMPTY_MAX: u32 = 1000;

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Port of the server
    #[arg(long)]
    port: u16,
    /// A queue of its own, made if there is none
    #[arg(long)]
    queue: String,
    /// Connections at once
    #[arg(long)]
    connections: usize,
    /// Seconds
    #[arg(long)]
    seconds: u64,
}

/// Prints how many messages a second were sent, received and deleted.
pub(crate) async fn measure(options: Options) -> anyhow::Result<()> {
    let queue = Client::create(options.port, &options.queue).await?;
    let begun = Instant::now();
    let time = Duration::from_secs(options.seconds);
    let mut clients = JoinSet::new();
    for _ in 0..options.connections {
        let mut client = Client::new(options.port, &queue);
        clients.spawn(async move {
            let mut messages = 0_u32;
            // Who has begun with a message ends with it: a slow server loses nothing by being interrupted.
            while begun.elapsed() < time {
                pass(&mut client).await?;
                messages += 1;
            }
            anyhow::Ok(messages)
        });
    }
    let mut messages = 0;
    while let Some(client) = clients.join_next().await {
        messages += client??;
    }
    println!("{}", serde_json::json!({ "rate": f64::from(messages) / begun.elapsed().as_secs_f64() }));
    Ok(())
}

/// One message on its way; it may be another client's, which then gets this one.
async fn pass(client: &mut Client) -> anyhow::Result<()> {
    client.send().await?;
    for _ in 0..EMPTY_MAX {
        if let Some(handle) = client.receive().await? {
            return client.delete(&handle).await;
        }
    }
    bail!("a message was sent, and {EMPTY_MAX} receives gave nothing")
}
