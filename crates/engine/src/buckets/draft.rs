//! An object that is being written, where nobody sees it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::disk;
use super::object::{Object, ObjectHead};

/// An object that is being written. It is nowhere until it has a name; without one it goes with this.
#[derive(Debug)]
pub struct Draft {
    file: File,
    path: PathBuf,
    size: u64,
    named: bool,
}

impl Draft {
    /// Begins one in a folder for them.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("{:032x}", fastrand::u128(..)));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { file, path, size: 0, named: false })
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Adds the bytes of an object. Blocks on the disk; the system copies without us where it can.
    ///
    /// # Errors
    /// When the disk does not give or take them.
    pub fn append(&mut self, object: &Object) -> io::Result<()> {
        let mut from = object.file();
        from.seek(SeekFrom::Start(0))?;
        let copied = io::copy(&mut from.take(object.head.size), &mut self.file)?;
        if copied != object.head.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.size += copied;
        Ok(())
    }

    /// Completes it with what is known of it; all of it is on disk afterwards, without a name.
    pub(super) fn complete(&mut self, head: &ObjectHead) -> io::Result<()> {
        head.write(&mut self.file)?;
        self.file.sync_all()
    }

    /// Gives it the name `below`, a path below `root`. It is on disk afterwards.
    pub(super) fn name(mut self, root: &Path, below: &Path) -> io::Result<()> {
        disk::rename(&self.path, root, below)?;
        self.named = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.named {
            fs::remove_file(&self.path).ok();
        }
    }
}
