//! When the log is carried over into the file, and when it is cut.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::schema::BUSY;

const MIB: u64 = 1024 * 1024;
/// A log that is longer than this is carried over.
const LONG: u64 = 16 * MIB;
/// A log that is longer than this is cut when there is time. A shorter one is kept, for writing over it again is twice
/// as fast as making it longer.
const OVERLONG: u64 = 64 * MIB;
/// By how much the log may grow while a reader keeps it from beginning again.
const SLACK: u64 = 4 * MIB;

/// How long the log is. Once all of it is carried over it begins again in the same place; so when its file grows,
/// there is as much in it as there ever was.
#[derive(Debug)]
pub(super) struct Checkpoint {
    log: PathBuf,
    /// How long the file is, as far as is known.
    length: u64,
    /// How long it may become.
    limit: u64,
    /// Commits since it was carried over.
    commits: u64,
}

impl Checkpoint {
    pub(super) fn new(file: &Path) -> Self {
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        Self { log: log.into(), length: 0, limit: LONG, commits: 0 }
    }

    /// Carries the log over when it is long enough; to be asked after each commit.
    pub(super) fn if_due(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        // Its name is asked, not the file: to close that would give up the locks of this process on it.
        self.length = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        self.commits += 1;
        if self.length <= self.limit {
            return Ok(());
        }
        if self.commits == 1 {
            // It did not begin again: somebody reads from it, and to carry over little by little costs much.
            self.limit = self.length + SLACK;
            return Ok(());
        }
        self.commits = 0;
        let sql = "pragma wal_checkpoint(passive)";
        let (pages, carried): (i64, i64) =
            conn.prepare_cached(sql)?.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
        self.limit = if pages == carried { self.length.max(LONG) } else { self.length + SLACK };
        Ok(())
    }

    /// Whether the log is so long that it should be cut when there is nothing else to do.
    pub(super) fn overlong(&self) -> bool {
        self.length > OVERLONG
    }

    /// Carries all of the log over and cuts it to nothing, unless somebody reads from it.
    pub(super) fn cut(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        conn.busy_timeout(Duration::from_millis(50))?;
        let cut = conn.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
        conn.busy_timeout(BUSY)?;
        // When it could not be cut it is tried again after the next commit, not over and over.
        (self.length, self.limit, self.commits) = (0, LONG, 0);
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_carried_over_when_it_is_long_and_then_written_again_from_its_beginning() {
        let path = std::env::temp_dir().join(format!("lambent-log-{}.db", fastrand::u64(..)));
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(
            "pragma journal_mode = wal; pragma wal_autocheckpoint = 0; pragma synchronous = off;
             create table t(x)",
        )
        .unwrap();
        let mut checkpoint = Checkpoint::new(&path);
        let mut longest = 0;
        for _ in 0..120 {
            conn.execute("insert into t values(zeroblob(1048576))", []).unwrap();
            checkpoint.if_due(&conn).unwrap();
            longest = longest.max(checkpoint.length);
        }
        assert!(longest > LONG && longest < LONG + 4 * MIB, "{longest}");
        checkpoint.cut(&conn).unwrap();
        assert_eq!(std::fs::metadata(&checkpoint.log).unwrap().len(), 0);
        // A reader is in the way: the log grows, and is not carried over after every commit.
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("begin; select count(*) from t").unwrap();
        for _ in 0..60 {
            conn.execute("insert into t values(zeroblob(1048576))", []).unwrap();
            checkpoint.if_due(&conn).unwrap();
        }
        assert!(checkpoint.limit >= checkpoint.length, "{checkpoint:?}");
        drop((reader, conn));
        std::fs::remove_file(&path).unwrap();
    }
}
