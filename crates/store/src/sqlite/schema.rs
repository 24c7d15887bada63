//! The tables, and the connections that are opened on them.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::Options;
use crate::error::{Error, Result};

/// The version of the tables below.
const VERSION: usize = VERSIONS.len();
/// Says that a file is ours, in `application_id`: "LMBT".
const APPLICATION: i64 = 0x4c4d_4254;
/// Statements that are kept prepared; all that there are.
const STATEMENTS: usize = 160;
/// How long another connection is waited for. Only a person with a shell for SQLite would be one that is in the way.
pub(super) const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// Times are milliseconds since the Unix epoch.
///
/// `msg` is what leases change, `body` what they do not, so that a lease does not write bodies again. A message is
/// leased while it has a token and `vis` lies ahead; a lease that runs out needs no sweep, for then `vis` lies behind.
/// `by_time` serves leases in order and, with the token, counts what waits without a look at the rows. `by_place`
/// serves browsing, redrives and purges; with `sent` in it, expiry reads the head of it and needs no index of its own,
/// because places and times of sending ascend together but for the skew of clocks. Both cost a lease nothing that
/// moving it in `by_time` does not cost anyway. A message entered its queue when it was sent, unless `entered` says when.
/// `high` is above every place that was ever given out.
///
/// What each version added to the tables of the one before; the version is in `user_version`.
pub(super) const VERSIONS: [&str; 2] = [TABLES, SCHEDULES];

const TABLES: &str = "
create table state(one integer primary key check(one = 1), epoch integer not null, high integer not null);
insert into state values(1, 0, 0);

-- A queue without a name is being removed.
create table queue(id integer primary key autoincrement, name text unique, fifo integer not null, spec text not null);
create table account(queue integer primary key, accepted integer not null, done integer not null,
    dead integer not null, dropped integer not null);

create table msg(id integer primary key, q integer not null, vis integer not null, gid text, att integer not null,
    thr integer not null, token integer, sent integer not null, first integer, origin integer,
    entered integer, failed integer);
create index by_time on msg(q, vis, id, token);
create index by_place on msg(q, id, sent);
create index by_group on msg(q, gid, id) where gid is not null;
create index held on msg(q, gid, vis) where gid is not null and token is not null;
create table body(id integer primary key, uid text not null, meta text, body blob not null);

create table failure(id integer primary key, q integer not null, fingerprint text not null, text text not null);
create index failure_by_kind on failure(q, fingerprint, id);

create table fifo_group(q integer not null, gid text not null, next_vis integer not null,
    primary key(q, gid)) without rowid;
create index fifo_turn on fifo_group(q, next_vis, gid);

create table dedup(q integer not null, key text not null, uid text not null, msg integer not null, digest integer,
    exp integer not null, primary key(q, key)) without rowid;
create index dedup_exp on dedup(exp);
create table attempt(q integer not null, name text not null, receipts text not null, exp integer not null,
    primary key(q, name)) without rowid;
create index attempt_exp on attempt(exp);

create table redrive(seq integer primary key, id text not null unique, source integer not null, target integer,
    fingerprint text, rate integer, started integer not null, last integer not null, total integer not null,
    moved integer not null, state text not null, reason text, cursor integer not null);
create index redrive_source on redrive(source, started);
create table document(kind text not null, key text not null, text text not null, primary key(kind, key)) without rowid;
create table result(seq integer primary key, id text not null unique, text text not null, exp integer not null);
create index result_exp on result(exp);
create table meter(function text primary key, runs integer not null, failed integer not null,
    billed integer not null) without rowid;
";

/// A schedule is due at `next_at`, for the time `nominal`; without these it has no times any more.
const SCHEDULES: &str = "
create table schedule(id text primary key, next_at integer, nominal integer, version integer not null,
    enabled integer not null, text text not null) without rowid;
create index schedule_due on schedule(next_at, id) where enabled and next_at is not null;
create table firing(seq integer primary key, schedule text not null, nominal integer not null, at integer not null,
    event text, msg integer, note text not null);
create index firing_of on firing(schedule, seq);
";

/// The one connection that writes. It makes the tables when there are none.
pub(super) fn writer(options: &Options) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = connect(options, flags)?;
    prepare(&conn).map_err(|e| cannot_open(&options.path, &e.to_string()))?;
    let found = Found::read(&conn).map_err(|e| cannot_open(&options.path, &e.to_string()))?;
    match found {
        Found { version: 0, application: 0, tables: 0 } => {
            upgrade(&conn, 0).map_err(|e| cannot_open(&options.path, &e.to_string()))?;
        }
        Found { application, .. } if application != APPLICATION => {
            return Err(cannot_open(&options.path, "this is a database of another program"));
        }
        Found { version, .. } => match usize::try_from(version) {
            Ok(known @ 1..=VERSION) => {
                upgrade(&conn, known).map_err(|e| cannot_open(&options.path, &e.to_string()))?;
            }
            _ => {
                let reason =
                    format!("its format is {version}, and this version knows {VERSION}: use a newer Lambent");
                return Err(cannot_open(&options.path, &reason));
            }
        },
    }
    Ok(conn)
}

/// A connection that cannot write. One such beside the writer is no danger: the fault of SQLite before 3.51.3 that
/// loses commits wants two connections that write or checkpoint (sqlite.org/wal.html, "The WAL-Reset Bug").
pub(super) fn reader(options: &Options) -> Result<Connection> {
    let conn = connect(options, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.pragma_update(None, "query_only", true)
        .and_then(|()| conn.pragma_update(None, "cache_size", -8000))
        .map_err(|e| cannot_open(&options.path, &e.to_string()))?;
    Ok(conn)
}

fn connect(options: &Options, flags: OpenFlags) -> Result<Connection> {
    let opened = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&options.path, flags, vfs.as_str()),
        None => Connection::open_with_flags(&options.path, flags),
    };
    let conn = opened.map_err(|e| cannot_open(&options.path, &e.to_string()))?;
    conn.busy_timeout(BUSY).map_err(|e| cannot_open(&options.path, &e.to_string()))?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "page_size", 4096)?;
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let reason = format!("the file system has no room for write-ahead logging (mode {mode})");
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some(reason),
        ));
    }
    conn.pragma_update(None, "synchronous", "full")?;
    // Only the writer's thread checkpoints, and when it chooses.
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.pragma_update(None, "cache_size", -64000)?;
    conn.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(())).or_else(|e| match e {
        rusqlite::Error::QueryReturnedNoRows => Ok(()), // A VFS without memory maps says nothing.
        other => Err(other),
    })?;
    conn.pragma_update(None, "foreign_keys", false)
}

struct Found {
    version: i64,
    application: i64,
    tables: i64,
}

impl Found {
    fn read(conn: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            version: conn.pragma_query_value(None, "user_version", |row| row.get(0))?,
            application: conn.pragma_query_value(None, "application_id", |row| row.get(0))?,
            tables: conn.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?,
        })
    }
}

/// Brings the tables from a version to the newest; zero is an empty file.
fn upgrade(conn: &Connection, from: usize) -> rusqlite::Result<()> {
    if from == VERSION {
        return Ok(());
    }
    let tables = VERSIONS[from..].concat();
    // All or nothing: a node that ends here finds the file as it was the next time.
    conn.execute_batch(&format!(
        "begin immediate; {tables} pragma application_id = {APPLICATION}; pragma user_version = {VERSION}; commit;"
    ))
}

pub(super) fn cannot_open(path: &Path, reason: &str) -> Error {
    Error::Open { path: path.display().to_string(), reason: reason.to_owned() }
}
