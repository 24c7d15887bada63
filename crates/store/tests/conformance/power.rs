//! The power goes at any moment: whatever a verb had said before is true when the store is opened again.

mod client;
mod disk;
mod vfs;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lambent_store::{Effect, Lease, QueueId, Sequence, Store};

use crate::rig::{Folder, START, everything, run, try_open};
use client::{Client, Place, Promises, Seen};
use disk::{Disk, Image};
use vfs::Vfs;

/// Clients at once, so that commits are shared.
const CLIENTS: u64 = 3;
/// Lives of a store, each ended by a loss of power.
const LIVES: u64 = 2;

/// What the first promise is that a seed does not keep.
fn check(seed: u64, lies: bool) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let promises = Arc::new(Mutex::new(Promises::default()));
    let mut folder = Folder::new();
    for life in 0..LIVES {
        // Few changes end the store while it is made, many while it is closed.
        let changes = if rng.u8(..8) == 0 { rng.u64(1..40) } else { rng.u64(30..600) };
        let disk = Arc::new(Disk::new(rng.u64(..), changes, lies));
        let vfs = Vfs::new(&format!("power-{lies}-{seed}-{life}"), Arc::clone(&disk));
        live(folder.path(), &vfs, &disk, &mut rng, &promises)?;
        drop(vfs);
        folder = restored(&disk.image());
        look(folder.path(), &promises).map_err(|broken| format!("life {life}: {broken}"))?;
    }
    Ok(())
}

/// One life of a store, until its power goes or its clients have done enough.
fn live(
    folder: &Path,
    vfs: &Vfs,
    disk: &Arc<Disk>,
    rng: &mut fastrand::Rng,
    promises: &Arc<Mutex<Promises>>,
) -> Result<(), String> {
    let store = try_open(folder, Some(vfs.name())).map_err(|error| format!("it does not open: {error}"))?;
    let store: Arc<dyn Store> = Arc::new(store);
    run(async {
        let place = Place::new(&*store).await;
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CLIENTS {
            let (store, disk, promises) = (Arc::clone(&store), Arc::clone(disk), Arc::clone(promises));
            clients.spawn(Client::new(store, disk, place, rng.fork(), promises).run());
        }
        while let Some(ended) = clients.join_next().await {
            ended.expect("no client panics");
        }
    });
    Ok(())
}

/// What is left of the disk, in a folder of its own.
fn restored(image: &Image) -> Folder {
    let folder = Folder::new();
    for (path, bytes) in image {
        let name = path.file_name().expect("every file has a name");
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Opens what is left and compares it with what was promised.
fn look(folder: &Path, promises: &Mutex<Promises>) -> Result<(), String> {
    let copy = Folder::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    sound(copy.path())?;
    // It is looked at in a copy, for leasing everything is no part of the next life.
    let store = try_open(copy.path(), None).map_err(|error| format!("it does not open again: {error}"))?;
    run(async {
        let results = promises.lock().unwrap().result_ids();
        let seen = Seen::look(&store, results).await?;
        promises.lock().unwrap().kept_by(&seen)?;
        for account in store.accounts().await.unwrap() {
            let inside = store.browse(everything(QueueId(account.queue))).await.unwrap().len() as u64;
            if !account.balances() || account.pending != inside {
                return Err(format!("{account:?} does not add up, with {inside} messages there"));
            }
        }
        let (tokens, last) = {
            let promises = promises.lock().unwrap();
            (promises.tokens.clone(), promises.last)
        };
        new_numbers(&store, &tokens, last).await
    })
}

/// SQLite finds nothing wrong with the file.
fn sound(folder: &Path) -> Result<(), String> {
    let path = folder.join("lambent.db");
    let Ok(conn) = rusqlite::Connection::open(&path) else { return Err("SQLite cannot open it".to_owned()) };
    let found = conn.query_row("pragma integrity_check", [], |row| row.get::<_, String>(0));
    match found.as_deref() {
        Ok("ok") => Ok(()),
        other => Err(format!("SQLite finds it broken: {other:?}")),
    }
}

/// Tokens and places that are given out now were never given out before.
async fn new_numbers(store: &dyn Store, known: &HashSet<i64>, last: Option<Sequence>) -> Result<(), String> {
    let place = Place::new(store).await;
    let now = START.plus(std::time::Duration::from_secs(10_000_000));
    let until = now.plus(crate::rig::LEASE);
    for queue in place.all() {
        let lease = Lease {
            queue,
            max: 1000,
            max_bytes: usize::MAX,
            now,
            until,
            bury: None,
            attempt: None,
            own: true,
        };
        let batch = store.lease(lease).await.unwrap();
        let tokens: HashSet<i64> = batch.messages.iter().map(|leased| leased.receipt.token).collect();
        if let Some(token) = tokens.intersection(known).next() {
            return Err(format!("the token {token} is given out again"));
        }
    }
    let id = lambent_core::RequestId::from_random(0);
    let message = client::message(id, now);
    let commit = lambent_store::Commit {
        effects: vec![Effect::Enqueue { queue: place.work, message }],
        now,
        ..Default::default()
    };
    match store.commit(commit).await.unwrap()[..] {
        [lambent_store::Effected::Enqueued(lambent_store::Enqueued::Accepted(sequence))]
            if Some(sequence) > last =>
        {
            Ok(())
        }
        ref other => Err(format!("a message after {:?} became {other:?}", last)),
    }
}

#[test]
fn what_was_promised_is_kept_whenever_the_power_goes() {
    let seeds = std::env::var("LAMBENT_STORE_POWER").ok().and_then(|n| n.parse().ok()).unwrap_or(120);
    for seed in 0..seeds {
        if let Err(broken) = check(seed, false) {
            panic!("seed {seed}: {broken}");
        }
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    let found = (0..40).any(|seed| check(seed, true).is_err());
    assert!(found, "promises are kept without a single sync, so nothing was looked at");
}
