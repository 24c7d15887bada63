//! The node's tables: DynamoDB-compatible, in one file of their own, durable.
//!
//! An action that has returned is on disk. The embedded database keeps a write-ahead log and leaves SQLite's
//! `synchronous` at its default, which is FULL: each commit waits for the disk. Its bulk loading would lower
//! that for good, so nothing here ever calls it, and a test watches the default.
//!
//! The file has one connection at a time (docs/decisions/003). What is not an action of DynamoDB's is done before the
//! database opens it.

mod declare;
mod sweep;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynoxide::storage::Storage;
use dynoxide::{Database, DynoxideError};
use lambent_core::{Table, limits};
use tokio::sync::Semaphore;

/// Actions that hold a thread at once. The database takes one at a time; the others read their request or write
/// their answer meanwhile.
const ACTIONS_AT_ONCE: usize = 4;

/// The node's tables. Cheap to clone.
#[derive(Clone)]
pub struct Tables {
    database: Database,
    threads: Arc<Semaphore>,
}

/// Why tables are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file's path cannot be handed to SQLite.
    #[error("the tables' file {0:?} has a path that is not UTF-8: choose another data folder")]
    Path(PathBuf),
    /// The file cannot be opened or is none of ours.
    #[error("the tables' file {path:?} cannot be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: DynoxideError,
    },
    /// The table exists, and something of it is declared in another way.
    #[error(transparent)]
    Changed(Box<Changed>),
    /// What a table lacks of its declaration could not be added.
    #[error("{part} of the table `{table}` cannot be made: {source}")]
    Add {
        /// The table's name.
        table: String,
        /// What is missing, as in `the index by-date`.
        part: String,
        /// What the database says.
        source: Box<DynoxideError>,
    },
    /// The table could not be made.
    #[error("the table `{table}` cannot be created: {source}")]
    Create {
        /// The table's name.
        table: String,
        /// What the database says.
        source: DynoxideError,
    },
    /// The node is stopping, or the action panicked.
    #[error("the action on the tables was stopped before its end")]
    Stopped,
}

/// What a table has in another way than it is declared.
#[derive(Debug, thiserror::Error)]
#[error("the table `{table}` exists with {part} {kept}, but the app declares {declared}: {remedy}")]
pub struct Changed {
    /// The table's name.
    pub table: String,
    /// What differs, as in `the key`.
    pub part: String,
    /// What it is.
    pub kept: String,
    /// What it is declared to be.
    pub declared: String,
    /// What to do.
    pub remedy: &'static str,
}

impl Tables {
    /// Opens the tables in the file at `path`, which is made when it is missing. What streams hold longer than they
    /// keep it goes. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be opened, or holds something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = path.to_str().ok_or_else(|| Error::Path(path.to_owned()))?;
        let not_open = |source| Error::Open { path: path.to_owned(), source };
        prepare(text).map_err(not_open)?;
        let database = Database::new(text).map_err(not_open)?;
        Ok(Self { database, threads: Arc::new(Semaphore::new(ACTIONS_AT_ONCE)) })
    }

    /// Sees to it that a table as declared is there: made when it is missing, and completed when it lacks an index, its
    /// stream or the removal of old items. What it has and is not declared stays. Blocks on the disk.
    ///
    /// # Errors
    /// When something of it is there in another way than declared, before anything is changed; when something cannot
    /// be made.
    pub fn ensure(&self, table: &Table) -> Result<(), Error> {
        declare::ensure(&self.database, table)
    }

    /// Runs an action on a thread that may wait for the disk. It runs to its end even when nobody waits for it.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the node is stopping or the action panicked.
    pub async fn run<T, F>(&self, action: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Database) -> T + Send + 'static,
    {
        let permit = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| Error::Stopped)?;
        let database = self.database.clone();
        let work = tokio::task::spawn_blocking(move || {
            // The permit lives as long as the thread is busy, not as long as somebody waits for it.
            let _permit = permit;
            action(&database)
        });
        work.await.map_err(|_| Error::Stopped)
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables")
            .field("free_threads", &self.threads.available_permits())
            .finish_non_exhaustive()
    }
}

/// What the database has no action for: the records of streams go when they are too old, except for the last of each
/// table, which the next one is numbered after. Numbering reads the greatest number of a table, so there is an index
/// that has it at hand: without one, each change of a table with a stream would read all of its records.
fn prepare(path: &str) -> Result<(), DynoxideError> {
    let storage = Storage::new(path)?;
    let kept = limits::STREAM_RETENTION.as_secs();
    storage.conn().execute_batch(&format!(
        "CREATE INDEX IF NOT EXISTS lambent_stream_numbers
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
         DELETE FROM _stream_records
             WHERE created_at < CAST(strftime('%s', 'now') AS INTEGER) - {kept}
             AND CAST(sequence_number AS INTEGER) < (
                 SELECT MAX(CAST(last.sequence_number AS INTEGER)) FROM _stream_records AS last
                 WHERE last.table_name = _stream_records.table_name
             );"
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use lambent_core::table::{Attribute, AttributeKind, TableKey};

    use super::*;

    /// A folder of its own for each test, gone afterwards.
    pub(super) struct Folder(PathBuf);

    impl Folder {
        pub(super) fn new() -> Self {
            let path = std::env::temp_dir().join(format!("lambent-tables-{:032x}", fastrand::u128(..)));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub(super) fn tables(&self) -> Tables {
            Tables::open(&self.0.join("tables.db")).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn table() -> Table {
        let partition = Attribute { name: "email".to_owned(), kind: AttributeKind::String };
        let key = TableKey { partition, sort: None };
        Table { name: "Users".to_owned(), key, indexes: vec![], ttl: None, stream: None }
    }

    #[test]
    fn a_commit_waits_for_the_disk() {
        let folder = Folder::new();
        let storage = Storage::new(folder.0.join("tables.db").to_str().unwrap()).unwrap();
        let full: i64 = storage.conn().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        let mode: String = storage.conn().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!((full, mode.as_str()), (2, "wal"), "2 is FULL");
    }

    #[test]
    fn old_records_of_streams_go_when_the_file_is_opened() {
        let folder = Folder::new();
        let stream = Some(lambent_core::table::StreamView::Keys);
        folder.tables().ensure(&Table { stream, ..table() }).unwrap();
        let count = || {
            let storage = Storage::new(folder.0.join("tables.db").to_str().unwrap()).unwrap();
            let conn = storage.conn();
            conn.query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let storage = Storage::new(folder.0.join("tables.db").to_str().unwrap()).unwrap();
        for (number, age) in [(1, 90_000), (2, 90_000), (3, 10), (4, 90_000), (10, 90_000)] {
            let row = format!(
                "INSERT INTO _stream_records
                     (table_name, event_name, keys_json, sequence_number, shard_id, created_at)
                 VALUES ('Users', 'INSERT', '{{}}', '{number}', 's', strftime('%s', 'now') - {age})"
            );
            storage.conn().execute_batch(&row).unwrap();
        }
        let plan: String = storage
            .conn()
            .query_row(
                "EXPLAIN QUERY PLAN SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
                 FROM _stream_records WHERE table_name = 'Users'",
                [],
                |row| row.get(3),
            )
            .unwrap();
        assert!(plan.contains("lambent_stream_numbers"), "{plan}");
        drop(storage);
        drop(folder.tables());
        assert_eq!(count(), 2, "the young one and the last");
    }

    #[test]
    fn a_bad_name_and_a_file_of_another_kind_are_told() {
        let folder = Folder::new();
        let bad = Table { name: "a!".to_owned(), ..table() };
        assert!(matches!(folder.tables().ensure(&bad), Err(Error::Create { .. })));
        let path = folder.0.join("other");
        std::fs::write(&path, [b'x'; 4096]).unwrap();
        assert!(matches!(Tables::open(&path), Err(Error::Open { .. })));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn actions_run_a_few_at_a_time() {
        let folder = Folder::new();
        let tables = folder.tables();
        let running = Arc::new(AtomicUsize::new(0));
        let action = || {
            let running = Arc::clone(&running);
            tables.run(move |_| {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::sleep(std::time::Duration::from_millis(5));
                running.fetch_sub(1, Ordering::SeqCst);
                now
            })
        };
        let most = tokio::join!(action(), action(), action(), action(), action(), action());
        let most = [most.0, most.1, most.2, most.3, most.4, most.5].map(Result::unwrap);
        assert!(most.iter().all(|now| *now <= ACTIONS_AT_ONCE), "{most:?}");
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let folder = Folder::new();
        let stopped = folder.tables().run(|_| panic!("on purpose")).await;
        assert!(matches!(stopped, Err(Error::Stopped)));
    }
}
