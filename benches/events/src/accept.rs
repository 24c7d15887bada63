//! Asynchronous invocations: how long one takes to be accepted, beside a lone sync of a file on the same disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::JoinSet;

use crate::http::{Connection, post};
use crate::percentile::Times;

/// What one commit writes at least.
const BLOCK: usize = 4096;
/// Blocks of the file that is overwritten.
const BLOCKS: u64 = 4096;
/// Syncs, and then invocations, in a row. Whoever was busy before has ended what it does afterwards.
const ROW: usize = 25;
/// The rest between two rows.
const REST: Duration = Duration::from_millis(5);
/// Bytes of an event.
const EVENT: usize = 200;

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Port of the AWS-compatible API
    #[arg(long)]
    port: u16,
    /// The function
    #[arg(long)]
    function: String,
    /// A file to make and to sync
    #[arg(long)]
    file: PathBuf,
    /// Rows of each kind
    #[arg(long)]
    rows: usize,
    /// Connections for the throughput
    #[arg(long)]
    connections: usize,
    /// Seconds for the throughput
    #[arg(long)]
    seconds: u64,
}

/// Prints the median of both times, and the throughput.
pub(crate) async fn measure(options: &Options) -> anyhow::Result<()> {
    let mut disk = Disk::new(&options.file)?;
    let (mut syncs, mut accepts) = (Times::default(), Times::default());
    let request = request(&options.function);
    let mut connection = Connection::new(options.port);
    accept(&mut connection, &request).await?;
    for _ in 0..options.rows {
        tokio::time::sleep(REST).await;
        for _ in 0..ROW {
            let begun = Instant::now();
            disk.sync()?;
            syncs.push(begun.elapsed());
        }
        tokio::time::sleep(REST).await;
        for _ in 0..ROW {
            let begun = Instant::now();
            accept(&mut connection, &request).await?;
            accepts.push(begun.elapsed());
        }
    }
    let rate = throughput(options, &request).await?;
    let measured = serde_json::json!({
        "sync": syncs.percentile(50),
        "accept": accepts.percentile(50),
        "rate": rate,
    });
    println!("{measured}");
    Ok(())
}

fn request(function: &str) -> Vec<u8> {
    let event = format!(r#"{{"rest":"{}"}}"#, "x".repeat(EVENT - r#"{"rest":""}"#.len()));
    let path = format!("/2015-03-31/functions/{function}/invocations");
    post(&path, &[("content-type", "application/json"), ("x-amz-invocation-type", "Event")], event.as_bytes())
}

async fn accept(connection: &mut Connection, request: &[u8]) -> anyhow::Result<()> {
    let answer = connection.ask(request).await?;
    if answer.status != 202 {
        bail!("the event is not accepted: {} {}", answer.status, String::from_utf8_lossy(answer.body));
    }
    Ok(())
}

/// Events accepted in a second over many connections.
async fn throughput(options: &Options, request: &[u8]) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let time = Duration::from_secs(options.seconds);
    let mut clients = JoinSet::new();
    for _ in 0..options.connections {
        let (mut connection, request) = (Connection::new(options.port), request.to_vec());
        clients.spawn(async move {
            let mut accepted = 0_u32;
            while begun.elapsed() < time {
                accept(&mut connection, &request).await?;
                accepted += 1;
            }
            anyhow::Ok(accepted)
        });
    }
    let mut accepted = 0;
    while let Some(client) = clients.join_next().await {
        accepted += client??;
    }
    Ok(f64::from(accepted) / begun.elapsed().as_secs_f64())
}

/// A file all of which is on the disk already.
struct Disk {
    file: File,
    at: u64,
}

impl Disk {
    fn new(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        for at in 0..BLOCKS {
            file.write_all_at(&[1; BLOCK], at * BLOCK as u64)?;
        }
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    /// Overwrites a block, and waits until it is on the disk.
    fn sync(&mut self) -> anyhow::Result<()> {
        self.at = (self.at + 1) % BLOCKS;
        self.file.write_all_at(&[2; BLOCK], self.at * BLOCK as u64)?;
        Ok(self.file.sync_data()?)
    }
}
