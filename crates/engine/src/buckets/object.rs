//! An object's file: its bytes, then what is known of it, then how long that is. One rename replaces all of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use lambent_core::Timestamp;
use serde::{Deserialize, Serialize};

/// What every object's file ends with.
const MAGIC: &[u8; 8] = b"LAMBOBJ1";
/// The length of the head, and the magic.
const FOOT: u64 = 4 + MAGIC.len() as u64;
/// Largest head, in bytes: metadata, and a size for each of ten thousand parts.
const HEAD_MAX: u64 = 1024 * 1024;
/// What is read of a file's end at first. Most heads are shorter.
const GUESS: u64 = 2048;

/// What is known of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHead {
    /// Its size in bytes.
    pub size: u64,
    /// The tag of its content, without quotes.
    pub etag: String,
    /// When it was put, in milliseconds since 1970.
    pub modified: u64,
    /// The headers that its owner wants it to be sent with, by their names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Its owner's own metadata.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Its checksum, where its owner gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<ObjectChecksum>,
    /// The sizes of the parts that it was uploaded in; none when it was put at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<u64>,
}

/// A checksum of an object's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectChecksum {
    /// The name of its algorithm, as AWS writes it.
    pub algorithm: String,
    /// Its value, as the protocol writes it.
    pub value: String,
    /// Whether it is of the checksums of the parts, and not of the whole.
    #[serde(default)]
    pub composite: bool,
}

/// An object that is open: it can be read to its end, whatever becomes of its name.
#[derive(Debug)]
pub struct Object {
    /// What is known of it.
    pub head: ObjectHead,
    file: File,
}

impl ObjectHead {
    /// When it was put.
    pub fn modified(&self) -> Timestamp {
        Timestamp::from_millis(self.modified)
    }

    /// Writes the head and the foot behind an object's bytes.
    pub(super) fn write(&self, file: &mut File) -> io::Result<()> {
        let mut tail = serde_json::to_vec(self)?;
        let length = u32::try_from(tail.len()).ok().filter(|length| u64::from(*length) <= HEAD_MAX);
        let length = length.ok_or_else(|| io::Error::other("what is known of the object is too much"))?;
        tail.extend_from_slice(&length.to_le_bytes());
        tail.extend_from_slice(MAGIC);
        file.write_all(&tail)
    }

    fn read(file: &File) -> io::Result<Self> {
        let bad = || io::Error::other("it is damaged, or was not written by Lambent");
        let length = file.metadata()?.len();
        let guess = length.min(GUESS);
        let mut tail = vec![0; usize::try_from(guess).map_err(|_| bad())?];
        file.read_exact_at(&mut tail, length - guess)?;
        let foot = tail.len().checked_sub(usize::try_from(FOOT).map_err(|_| bad())?).ok_or_else(bad)?;
        let (size, magic) = tail[foot..].split_first_chunk::<4>().ok_or_else(bad)?;
        let size = u32::from_le_bytes(*size);
        if magic != MAGIC || u64::from(size) > HEAD_MAX || length < FOOT + u64::from(size) {
            return Err(bad());
        }
        let size = usize::try_from(size).map_err(|_| bad())?;
        let head: Self = if let Some(begin) = foot.checked_sub(size) {
            serde_json::from_slice(&tail[begin..foot])?
        } else {
            let mut whole = vec![0; size];
            file.read_exact_at(&mut whole, length - FOOT - size as u64)?;
            serde_json::from_slice(&whole)?
        };
        if head.size + FOOT + size as u64 == length { Ok(head) } else { Err(bad()) }
    }
}

impl Object {
    /// Opens an object's file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { head: ObjectHead::read(&file)?, file })
    }

    /// Reads `length` bytes from `offset` on, which the object must have. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk does not give them.
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Its file, to be copied from.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}
