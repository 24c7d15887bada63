//! The thread that writes: it takes what is waiting, makes it durable with one commit, and only then answers.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::Checkpoint;
use super::queues;
use super::session::{Fail, Session, Worked};
use crate::error::{Error, Result};
use crate::failpoint;

/// Jobs that wait for the writer before callers are made to wait.
const WAITING: usize = 1024;
/// Most jobs of one commit, and about how many bytes of bodies.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 256 * 1024;

/// What the writer has to know of a job before it runs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// What it does, for errors: "the store could not ...".
    pub(super) what: &'static str,
    /// Whether it must be on the disk before the answer. Leases need not, nor what ends them.
    pub(super) durable: bool,
    /// Bytes that it stores.
    pub(super) bytes: usize,
}

impl Shape {
    /// A durable change of a few rows.
    pub(super) const fn small(what: &'static str) -> Self {
        Self { what, durable: true, bytes: 0 }
    }
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `hidden` are queues whose removal was interrupted.
    pub(super) fn start(session: Session, file: PathBuf, hidden: Vec<i64>) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let timer = tokio::runtime::Builder::new_current_thread().enable_time().build().ok();
        let run = move || {
            Thread { checkpoint: Checkpoint::new(&file), session, full: true, timer, hidden }.run(waiting)
        };
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has the thread do some work. The work is run again, alone, when a batch that it was part of is rolled back; so
    /// it must not keep anything from the first time.
    ///
    /// Not cancel-safe: work that was handed over is done even when nobody waits for its answer.
    pub(super) async fn work<T, F>(&self, shape: Shape, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Session) -> Worked<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending { shape, work, outcome: None, reply: Some(reply) });
        let jobs = self.jobs.as_ref().ok_or(Error::Stopped)?;
        jobs.send(job).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when it has done what is queued and nobody can queue more.
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("lambent: the store's writer ended in a panic");
        }
    }
}

trait Job: Send {
    fn shape(&self) -> Shape;
    /// Runs it within a transaction; an error wants that rolled back.
    fn run(&mut self, session: &Session) -> rusqlite::Result<()>;
    fn fail(&mut self, error: Error);
    fn answer(&mut self);
}

struct Pending<T, F> {
    shape: Shape,
    work: F,
    outcome: Option<Result<T>>,
    reply: Option<oneshot::Sender<Result<T>>>,
}

impl<T: Send, F: FnMut(&Session) -> Worked<T> + Send> Job for Pending<T, F> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn run(&mut self, session: &Session) -> rusqlite::Result<()> {
        self.outcome = Some(match (self.work)(session) {
            Ok(done) => Ok(done),
            Err(Fail::Refused(error)) => Err(error),
            Err(Fail::Broken(error)) => return Err(error),
        });
        Ok(())
    }

    fn fail(&mut self, error: Error) {
        self.outcome = Some(Err(error));
    }

    fn answer(&mut self) {
        if let (Some(reply), Some(outcome)) = (self.reply.take(), self.outcome.take()) {
            // A caller that no longer waits has given up its answer.
            drop(reply.send(outcome));
        }
    }
}

struct Thread {
    session: Session,
    checkpoint: Checkpoint,
    /// Whether `synchronous` is FULL.
    full: bool,
    /// What waits with a time limit; only a log that is too long needs it.
    timer: Option<tokio::runtime::Runtime>,
    /// Queues whose removal was interrupted; it goes on beside the other work.
    hidden: Vec<i64>,
}

impl Thread {
    fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH);
        while let Some(first) = self.next(&mut waiting) {
            let mut bytes = first.shape().bytes;
            batch.push(first);
            while batch.len() < BATCH && bytes < BATCH_BYTES {
                let Ok(job) = waiting.try_recv() else { break };
                bytes += job.shape().bytes;
                batch.push(job);
            }
            if let Err(fatal) = self.batch(&mut batch) {
                waiting.close();
                while let Ok(job) = waiting.try_recv() {
                    batch.push(job);
                }
                die(&mut batch, &fatal);
            }
            batch.clear();
        }
        // What the log still holds, the next start would have to read.
        self.looked_after(Checkpoint::cut);
    }

    /// The next job. When there is none for a while, a log that has grown too long is cut.
    fn next(&mut self, waiting: &mut mpsc::Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        const IDLE: Duration = Duration::from_secs(2);
        while let Some(queue) = self.hidden.last().copied() {
            match waiting.try_recv() {
                Ok(job) => return Some(job),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => self.clear(queue),
            }
        }
        while self.checkpoint.overlong() {
            let next = match &self.timer {
                Some(timer) => timer.block_on(async { tokio::time::timeout(IDLE, waiting.recv()).await }),
                None => return waiting.blocking_recv(),
            };
            match next {
                Ok(job) => return job,
                Err(_) => self.looked_after(Checkpoint::cut),
            }
        }
        waiting.blocking_recv()
    }

    /// Goes on with a removal that was interrupted.
    fn clear(&mut self, queue: i64) {
        let work = move |session: &Session| queues::clear(session, queue);
        let (reply, mut answer) = oneshot::channel();
        let shape = Shape::small("empty a queue");
        let mut batch: [Box<dyn Job>; 1] =
            [Box::new(Pending { shape, work, outcome: None, reply: Some(reply) })];
        if let Err(fatal) = self.batch(&mut batch) {
            die(&mut batch, &fatal);
        }
        // After an error the next start tries it again.
        if !matches!(answer.try_recv(), Ok(Ok(false))) {
            self.hidden.pop();
        }
    }

    /// Makes a batch durable and answers it. An error is the end of the node.
    fn batch(&mut self, batch: &mut [Box<dyn Job>]) -> std::result::Result<(), rusqlite::Error> {
        match self.transaction(batch) {
            Ok(()) => {}
            Err(Rolled { error, fatal: true }) => return Err(error),
            Err(Rolled { error, .. }) if batch.len() == 1 => {
                batch[0].fail(self.error(batch[0].shape(), &error))
            }
            Err(_) => {
                for job in batch.iter_mut() {
                    match self.transaction(std::slice::from_mut(job)) {
                        Ok(()) => {}
                        Err(Rolled { error, fatal: true }) => return Err(error),
                        Err(Rolled { error, .. }) => job.fail(self.error(job.shape(), &error)),
                    }
                }
            }
        }
        failpoint::pass("after-commit");
        if batch.iter().any(|job| !job.shape().durable) {
            failpoint::pass("lease");
        }
        for job in batch.iter_mut() {
            job.answer();
        }
        self.looked_after(Checkpoint::if_due);
        Ok(())
    }

    fn looked_after(
        &mut self,
        checkpoint: impl FnOnce(&mut Checkpoint, &Connection) -> rusqlite::Result<()>,
    ) {
        match checkpoint(&mut self.checkpoint, self.session.conn()) {
            Ok(()) => {}
            Err(error) if is_fatal(&error, false) => die(&mut [], &error),
            // Nothing is lost by that: the log has it all, and only grows.
            Err(error) => eprintln!("lambent: a checkpoint of the store failed, and is tried again: {error}"),
        }
    }

    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> std::result::Result<(), Rolled> {
        let durable = jobs.iter().any(|job| job.shape().durable);
        let mut committing = false;
        let result = self.attempt(jobs, durable, &mut committing);
        let Err(error) = result else {
            self.session.committed();
            return Ok(());
        };
        let fatal = is_fatal(&error, committing);
        if !fatal {
            // SQLite has rolled some errors back by itself.
            let conn = self.session.conn();
            if !conn.is_autocommit()
                && let Err(error) = conn.execute_batch("rollback")
            {
                return Err(Rolled { error, fatal: true });
            }
            if let Err(error) = self.session.forget() {
                return Err(Rolled { error, fatal: true });
            }
        }
        Err(Rolled { error, fatal })
    }

    fn attempt(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        durable: bool,
        committing: &mut bool,
    ) -> rusqlite::Result<()> {
        if durable != self.full {
            // A commit of nothing but leases may be lost with the power: its messages are then leased again. The next
            // durable commit syncs it along, for both are in one log.
            // SQLite obeys a pragma while it prepares it, so it must not come prepared.
            let sql = if durable { "pragma synchronous = full" } else { "pragma synchronous = normal" };
            self.session.conn().execute_batch(sql)?;
            self.full = durable;
        }
        self.session.run("begin immediate", [])?;
        for job in jobs {
            job.run(&self.session)?;
        }
        self.session.settle()?;
        failpoint::pass("before-commit");
        *committing = true;
        self.session.run("commit", []).map(drop)
    }

    fn error(&self, shape: Shape, error: &rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => self.session.space.full(),
            _ => Error::Failed { what: shape.what, reason: error.to_string() },
        }
    }
}

/// Why a transaction was rolled back, or must not be gone on from.
struct Rolled {
    error: rusqlite::Error,
    fatal: bool,
}

/// Whether what is on the disk is unknown after an error. After a sync that failed the system may have thrown away
/// what it could not write, and a second sync would succeed without it ("fsyncgate"); reading the log anew is the only
/// way to know. A full disk is an answer, not a failure of it.
fn is_fatal(error: &rusqlite::Error, committing: bool) -> bool {
    let Some(failure) = error.sqlite_error() else { return false };
    let sync = matches!(failure.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC);
    sync || committing && failure.code == ErrorCode::SystemIoFailure
}

/// Ends the process: a node that does not know what is on its disk must not go on answering.
fn die(batch: &mut [Box<dyn Job>], error: &rusqlite::Error) -> ! {
    for job in batch.iter_mut() {
        job.fail(Error::Stopped);
        job.answer();
    }
    eprintln!(
        "lambent: the disk failed while the store was writing ({error}): the node stops, and finds what is on disk when it is started again"
    );
    std::process::abort()
}
