//! Many tasks at once, with failures in between, on one store: every call is written down, and what was written down
//! has to fit the promises whatever happened in which order.

mod checks;
mod record;
mod tasks;

use std::sync::Arc;

use lambent_store::Store;
use lambent_store::faulty::{FaultyStore, Plan};

use crate::rig::{Backend, Rig};
use record::{Ending, Place, Record};

/// Tasks of a history, and calls of each.
const TASKS: u64 = 6;
const CALLS: u32 = 60;

/// Runs a history and looks at it. What it says is the first promise that was not kept.
pub(crate) fn check(backend: Backend, seed: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let rig = Rig::new(backend);
        let place = Place::new(&rig).await;
        let plan = Plan { seed, request_lost: 4, reply_lost: 4, delayed: 10, repeated: 10 };
        let faulty = Arc::new(FaultyStore::new(rig.store.clone(), plan));
        let record = Arc::new(Record::new());
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let store: Arc<dyn Store> = faulty.clone();
            let rng = fastrand::Rng::with_seed(seed * 1000 + task);
            tasks.spawn(tasks::run(store, Arc::clone(&record), place, rng, CALLS));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no task of a history panics");
        }
        let ending = Ending::look(&*rig.store, place).await;
        checks::all(&record.calls(), &ending)
    })
}

fn check_many(backend: Backend, default: u64) {
    let seeds = std::env::var("LAMBENT_STORE_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    for seed in 0..seeds {
        if let Err(broken) = check(backend, seed) {
            panic!("history {seed}: {broken}");
        }
    }
}

#[test]
fn no_history_of_sqlite_breaks_a_promise() {
    check_many(Backend::Sqlite, 25);
}

#[test]
fn no_history_of_the_model_breaks_a_promise() {
    check_many(Backend::Memory, 25);
}
