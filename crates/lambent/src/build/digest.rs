//! Digests of inputs: what tells one state of them from another.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Error;

/// A SHA-256 over fields, each with its length in front, so that no two lists of fields read the same.
#[derive(Clone, Debug)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// Begins with what the digest is of, so that two kinds never meet.
    pub(super) fn new(kind: &str) -> Self {
        let mut digest = Self(Sha256::new());
        digest.field(kind);
        digest
    }

    pub(super) fn field(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// A file that may be absent, which is another state than an empty one.
    pub(super) fn optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.field("+").field(bytes),
            None => self.field("-"),
        }
    }

    /// 128 bits of it, in hexadecimal: enough for names that nobody forges.
    pub(super) fn name(self) -> String {
        self.0.finalize().iter().take(16).fold(String::with_capacity(32), |mut name, byte| {
            write!(name, "{byte:02x}").expect("a String takes everything");
            name
        })
    }
}

/// The digest of a file's contents.
pub(super) fn of_file(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(Digest(hash).name()),
            n => hash.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_together() {
        let name = |fields: &[&str]| {
            let mut digest = Digest::new("test");
            for field in fields {
                digest.field(field);
            }
            digest.name()
        };
        assert_eq!(name(&["a", "b"]), name(&["a", "b"]));
        assert_eq!(name(&["a"]).len(), 32);
        assert_ne!(name(&["ab", "c"]), name(&["a", "bc"]));
        assert_ne!(name(&["a", ""]), name(&["a"]));
    }

    #[test]
    fn absent_is_not_empty() {
        let name = |bytes: Option<&[u8]>| {
            let mut digest = Digest::new("test");
            digest.optional(bytes);
            digest.name()
        };
        assert_ne!(name(None), name(Some(b"")));
    }
}
