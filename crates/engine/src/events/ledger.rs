//! The ledger: what was accepted is done, dead, dropped or pending, for everything that takes events in.

use std::time::Duration;

use lambent_core::Timestamp;
use lambent_store::{Account, Meter};
use tokio_util::sync::CancellationToken;

use super::{Events, Result};

/// How often what is too old is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// What is forgotten at once.
const SWEEP_AT_ONCE: u32 = 1000;

/// The account of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as people know it: `queue:orders`, `function:invoice`, `dead:function:invoice`.
    pub name: String,
    /// What it took in and gave out.
    pub account: Account,
}

/// Everything that was accepted, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// When it was written.
    pub at: Timestamp,
    /// The queues, by name.
    pub entries: Vec<Entry>,
    /// What runs of functions took, by name.
    pub meters: Vec<Meter>,
}

impl Ledger {
    /// Whether every account balances.
    pub fn balances(&self) -> bool {
        self.entries.iter().all(|entry| entry.account.balances())
    }
}

impl Events {
    /// The ledger as it is now, counted from the rows.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn ledger(&self) -> Result<Ledger> {
        let accounts = self.store().accounts().await?;
        let meters = self.store().meters().await?;
        let entry = |account: Account| {
            let queue = self.queue_by_id(lambent_store::QueueId(account.queue))?;
            Some(Entry { name: queue.key.clone(), account })
        };
        let mut entries: Vec<_> = accounts.into_iter().filter_map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Ledger { at: self.now(), entries, meters })
    }

    /// Removes what is too old, until `stop`.
    pub(crate) async fn run_sweeps(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
            if let Err(error) = self.sweep().await {
                Self::complain("what is too old stays", &error);
            }
        }
    }

    async fn sweep(&self) -> Result<()> {
        self.expire().await?;
        loop {
            let swept = self.store().sweep(self.now(), SWEEP_AT_ONCE).await?;
            let most = swept.dedups.max(swept.attempts).max(swept.results);
            if most < u64::from(SWEEP_AT_ONCE) {
                return Ok(());
            }
        }
    }
}
