//! The room that is left on the disk, and the part of it that new messages may not use.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Error;

const MIB: u64 = 1024 * 1024;
/// Most that is kept back when nobody says how much.
const RESERVE_MAX: u64 = 64 * MIB;
/// How long what was seen of the file system counts, and how many bytes may be written on the strength of it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOK_AGAIN_BYTES: u64 = 4 * MIB;

#[derive(Debug)]
pub(super) struct Space {
    folder: PathBuf,
    reserve: u64,
    seen: Cell<Option<(Instant, u64)>>,
    written: Cell<u64>,
}

impl Space {
    pub(super) fn new(file: &Path, reserve: Option<u64>) -> Self {
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let reserve = reserve.unwrap_or_else(|| {
            let size = rustix::fs::statvfs(&folder).map_or(0, |fs| fs.f_blocks.saturating_mul(fs.f_frsize));
            RESERVE_MAX.min(size / 10)
        });
        Self { folder, reserve, seen: Cell::new(None), written: Cell::new(0) }
    }

    /// Takes note of `bytes` that are about to be stored, if there is room for them.
    pub(super) fn take(&self, bytes: usize) -> Result<(), Error> {
        if self.reserve == 0 {
            return Ok(());
        }
        // They are written twice, to the log and to the file, each with pages of indexes around them.
        let written = self.written.get().saturating_add(bytes as u64 * 2 + 8192);
        let free = match self.seen.get() {
            Some((at, free)) if at.elapsed() < LOOK_AGAIN && written < LOOK_AGAIN_BYTES => {
                free.saturating_sub(written)
            }
            _ => self.look(),
        };
        if free < self.reserve {
            return Err(self.full());
        }
        self.written.set(self.written.get().saturating_add(bytes as u64 * 2 + 8192));
        Ok(())
    }

    /// The error that says that the disk is full.
    pub(super) fn full(&self) -> Error {
        let free = self.look();
        Error::Full {
            path: self.folder.display().to_string(),
            free_mib: free / MIB,
            reserve_mib: self.reserve / MIB,
        }
    }

    fn look(&self) -> u64 {
        // A file system that cannot say does not keep anybody from writing.
        let free =
            rustix::fs::statvfs(&self.folder).map_or(u64::MAX, |fs| fs.f_bavail.saturating_mul(fs.f_frsize));
        self.seen.set(Some((Instant::now(), free)));
        self.written.set(0);
        free
    }
}
