//! The node's tables: DynamoDB-compatible, in one file of their own, durable.
//!
//! An action that has returned is on disk. The embedded database keeps a write-ahead log and leaves SQLite's
//! `synchronous` at its default, which is FULL: each commit waits for the disk. Its bulk loading would lower
//! that for good, so nothing here ever calls it, and a test watches the default.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynoxide::actions::TableDescription;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType};
use dynoxide::{Database, DynoxideError};
use lambent_core::Table;
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
    /// The table exists, under another key.
    #[error(
        "the table `{table}` exists with the key {kept}, but the app declares the key {declared}: a table's key \
         cannot change, so declare the old key or take another name"
    )]
    OtherKey {
        /// The table's name.
        table: String,
        /// The key it has.
        kept: String,
        /// The key it is declared with.
        declared: String,
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

impl Tables {
    /// Opens the tables in the file at `path`, which is made when it is missing. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be opened, or holds something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = path.to_str().ok_or_else(|| Error::Path(path.to_owned()))?;
        let database = Database::new(text).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        Ok(Self { database, threads: Arc::new(Semaphore::new(ACTIONS_AT_ONCE)) })
    }

    /// Sees to it that a table as declared is there: made when it is missing, with string keys and pay per request.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// When a table of the name has another key, or none can be made.
    pub fn ensure(&self, table: &Table) -> Result<(), Error> {
        // Creating first leaves no gap in which another could create it.
        match self.database.create_table(creation(table)) {
            Ok(_) => Ok(()),
            Err(DynoxideError::ResourceInUseException(_)) => self.check_key(table),
            Err(source) => Err(Error::Create { table: table.name.clone(), source }),
        }
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

    fn check_key(&self, table: &Table) -> Result<(), Error> {
        let described = self
            .database
            .describe_table(DescribeTableRequest { table_name: table.name.clone() })
            .map_err(|source| Error::Create { table: table.name.clone(), source })?;
        let kept = key_kept(&described.table);
        let declared = key_declared(table);
        if kept == declared {
            Ok(())
        } else {
            Err(Error::OtherKey { table: table.name.clone(), kept, declared })
        }
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables")
            .field("free_threads", &self.threads.available_permits())
            .finish_non_exhaustive()
    }
}

fn creation(table: &Table) -> CreateTableRequest {
    let keys = || [(Some(&table.key), KeyType::HASH), (table.sort.as_ref(), KeyType::RANGE)].into_iter();
    CreateTableRequest {
        table_name: table.name.clone(),
        key_schema: keys()
            .filter_map(|(name, key_type)| Some(KeySchemaElement { attribute_name: name?.clone(), key_type }))
            .collect(),
        attribute_definitions: keys()
            .filter_map(|(name, _)| {
                Some(AttributeDefinition {
                    attribute_name: name?.clone(),
                    attribute_type: ScalarAttributeType::S,
                })
            })
            .collect(),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    }
}

/// The key of a declared table, for people: `email (string), sorted by at (string)`.
fn key_declared(table: &Table) -> String {
    let sort = table.sort.as_ref().map(|sort| format!(", sorted by {sort} (string)")).unwrap_or_default();
    format!("{} (string){sort}", table.key)
}

/// The key of an existing table, written as [`key_declared`] writes it.
fn key_kept(table: &TableDescription) -> String {
    let named = |name: &str| {
        let defined = table.attribute_definitions.iter().find(|def| def.attribute_name == name);
        let kind = match defined.map(|def| &def.attribute_type) {
            Some(ScalarAttributeType::S) => "string",
            Some(ScalarAttributeType::N) => "number",
            Some(ScalarAttributeType::B) => "binary",
            None => "undefined",
        };
        format!("{name} ({kind})")
    };
    let of = |wanted: KeyType| {
        table.key_schema.iter().find(|key| key.key_type == wanted).map(|key| named(&key.attribute_name))
    };
    let sort = of(KeyType::RANGE).map(|sort| format!(", sorted by {sort}")).unwrap_or_default();
    format!("{}{sort}", of(KeyType::HASH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A folder of its own for each test, gone afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("lambent-tables-{:032x}", fastrand::u128(..)));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn tables(&self) -> Tables {
            Tables::open(&self.0.join("tables.db")).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn table(key: &str, sort: Option<&str>) -> Table {
        Table { name: "Users".to_owned(), key: key.to_owned(), sort: sort.map(str::to_owned) }
    }

    #[test]
    fn a_commit_waits_for_the_disk() {
        let folder = Folder::new();
        let storage = dynoxide::storage::Storage::new(folder.0.join("tables.db").to_str().unwrap()).unwrap();
        let full: i64 = storage.conn().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        let mode: String = storage.conn().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!((full, mode.as_str()), (2, "wal"), "2 is FULL");
    }

    #[test]
    fn a_table_is_made_once_and_kept() {
        let folder = Folder::new();
        folder.tables().ensure(&table("email", None)).unwrap();
        folder.tables().ensure(&table("email", None)).unwrap();
    }

    #[test]
    fn another_key_is_refused_with_both() {
        let folder = Folder::new();
        let tables = folder.tables();
        tables.ensure(&table("email", None)).unwrap();
        let error = tables.ensure(&table("id", Some("at"))).unwrap_err().to_string();
        assert!(error.contains("exists with the key email (string), but"), "{error}");
        assert!(error.contains("declares the key id (string), sorted by at (string):"), "{error}");
    }

    #[test]
    fn a_bad_name_and_a_file_of_another_kind_are_told() {
        let folder = Folder::new();
        let bad = Table { name: "a!".to_owned(), ..table("id", None) };
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
