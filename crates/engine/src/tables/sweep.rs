//! Items whose time has come are removed.

use std::time::Instant;

use lambent_core::limits;
use tokio_util::sync::CancellationToken;

use super::Tables;

/// How much longer than a sweep the pause after it is, at least: large tables take a twentieth of a thread.
const PAUSE_FACTOR: u32 = 20;

impl Tables {
    /// Removes the items whose time has come, again and again, until `stop`. Whatever waits for the database goes before
    /// the next few items of a sweep.
    pub(crate) async fn run_sweeps(self, stop: CancellationToken) {
        let mut pause = limits::TABLE_SWEEP_EVERY;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            let begun = Instant::now();
            match self.run(|database| database.sweep_ttl()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => eprintln!("old items of the tables could not be removed: {error}"),
                Err(_) => return,
            }
            pause = limits::TABLE_SWEEP_EVERY.max(begun.elapsed() * PAUSE_FACTOR);
        }
    }
}
