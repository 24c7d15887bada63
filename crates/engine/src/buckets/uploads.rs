//! Multipart uploads: a folder each, with a file for each part, until they become an object or are given up.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use lambent_core::{BucketName, Timestamp};
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::object::{Object, ObjectHead};
use super::{Buckets, Error, disk};

/// The file of an upload that says what it is.
const ABOUT: &str = "upload.json";

/// What an upload is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The key of its object.
    pub key: String,
    /// When it began, in milliseconds since 1970.
    pub begun: u64,
    /// What its object will be sent with.
    pub headers: BTreeMap<String, String>,
    /// Its object's own metadata.
    pub metadata: BTreeMap<String, String>,
    /// The algorithm of its checksums, where it has some.
    pub algorithm: Option<String>,
    /// Whether its object's checksum is of the whole, and not of the checksums of the parts.
    pub whole: bool,
}

impl Buckets {
    /// Begins an upload; its id. Blocks on the disk.
    ///
    /// # Errors
    /// When there is no such bucket, or the disk does not take it.
    pub fn begin_upload(&self, bucket: &BucketName, upload: &Upload) -> Result<String, Error> {
        let folder = self.existing(bucket)?;
        let id = format!("{:032x}", fastrand::u128(..));
        let draft = folder.join("drafts").join(&id);
        let begin = || -> io::Result<()> {
            fs::create_dir(&draft)?;
            let mut file = fs::File::create_new(draft.join(ABOUT))?;
            file.write_all(&serde_json::to_vec(upload)?)?;
            file.sync_all()?;
            disk::sync_folder(&draft)?;
            disk::rename(&draft, &folder.join("uploads"), Path::new(&id))
        };
        begin().map_err(|source| self.broken(bucket, source))?;
        Ok(id)
    }

    /// What an upload is for. Blocks on the disk.
    ///
    /// # Errors
    /// When there is no such upload of this key.
    pub fn upload(&self, bucket: &BucketName, id: &str, key: &str) -> Result<Upload, Error> {
        let folder = self.upload_folder(bucket, id)?;
        let text = match fs::read(folder.join(ABOUT)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::NoUpload),
            read => read.map_err(|source| self.broken(bucket, source))?,
        };
        let upload: Upload =
            serde_json::from_slice(&text).map_err(|error| self.broken(bucket, error.into()))?;
        if upload.key == key { Ok(upload) } else { Err(Error::NoUpload) }
    }

    /// Keeps a part, in place of another of its number. It is on disk afterwards.
    ///
    /// # Errors
    /// When there is no such upload any more, or the disk does not take it.
    pub fn put_part(
        &self,
        bucket: &BucketName,
        id: &str,
        number: u32,
        mut draft: Draft,
        mut head: ObjectHead,
    ) -> Result<(), Error> {
        let folder = self.upload_folder(bucket, id)?;
        head.size = draft.size();
        draft.complete(&head).map_err(|source| self.broken(bucket, source))?;
        match draft.name(&folder, &part_file(number)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoUpload),
            named => named.map_err(|source| self.broken(bucket, source)),
        }
    }

    /// A part of an upload; `None` when there is none of this number. Blocks on the disk.
    ///
    /// # Errors
    /// When there is no such upload, or the disk does not give it.
    pub fn part(&self, bucket: &BucketName, id: &str, number: u32) -> Result<Option<Object>, Error> {
        let path = self.upload_folder(bucket, id)?.join(part_file(number));
        match Object::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some).map_err(|source| self.broken(bucket, source)),
        }
    }

    /// The numbers of an upload's parts, in order. Blocks on the disk.
    ///
    /// # Errors
    /// When there is no such upload.
    pub fn parts(&self, bucket: &BucketName, id: &str) -> Result<Vec<u32>, Error> {
        let mut numbers: Vec<u32> = names(&self.upload_folder(bucket, id)?)
            .map_err(|error| {
                if error.kind() == ErrorKind::NotFound { Error::NoUpload } else { self.broken(bucket, error) }
            })?
            .iter()
            .filter_map(|name| name.strip_prefix("part-")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The uploads of a bucket with their ids, by key and time. Blocks on the disk.
    ///
    /// # Errors
    /// When there is no such bucket.
    pub fn uploads(&self, bucket: &BucketName) -> Result<Vec<(String, Upload)>, Error> {
        let folder = self.existing(bucket)?.join("uploads");
        let mut uploads = Vec::new();
        for id in names(&folder).map_err(|source| self.broken(bucket, source))? {
            // One that ends meanwhile is none.
            let read = fs::read(folder.join(&id).join(ABOUT)).ok();
            let upload = read.and_then(|text| serde_json::from_slice::<Upload>(&text).ok());
            uploads.extend(upload.map(|upload| (id, upload)));
        }
        uploads.sort_by(|(i, a), (j, b)| (&a.key, a.begun, i).cmp(&(&b.key, b.begun, j)));
        Ok(uploads)
    }

    /// Removes an upload with all of its parts. It is gone from the disk afterwards.
    ///
    /// # Errors
    /// When there is no such upload.
    pub fn end_upload(&self, bucket: &BucketName, id: &str) -> Result<(), Error> {
        let folder = self.upload_folder(bucket, id)?;
        let trash = self.existing(bucket)?.join("drafts").join(format!("{:032x}", fastrand::u128(..)));
        match disk::discard(&folder, &trash) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoUpload),
            ended => ended.map_err(|source| self.broken(bucket, source)),
        }
    }

    /// Removes the uploads that took longer than their bucket lets them; how many. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk does not let them go.
    pub fn remove_stale_uploads(&self, now: Timestamp) -> Result<usize, Error> {
        let mut removed = 0;
        for about in self.list()? {
            for (id, upload) in self.uploads(&about.name)? {
                let due = Timestamp::from_millis(upload.begun).plus(about.spec.uploads_kept);
                if due < now {
                    match self.end_upload(&about.name, &id) {
                        Ok(()) => removed += 1,
                        Err(Error::NoUpload | Error::NoBucket) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(removed)
    }

    /// The folder of an upload. An id that is none of ours leads nowhere.
    fn upload_folder(&self, bucket: &BucketName, id: &str) -> Result<PathBuf, Error> {
        let digit = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
        if id.len() != 32 || !id.bytes().all(digit) {
            return Err(Error::NoUpload);
        }
        Ok(self.existing(bucket)?.join("uploads").join(id))
    }
}

fn part_file(number: u32) -> PathBuf {
    PathBuf::from(format!("part-{number:05}"))
}

/// The names in a folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    fs::read_dir(folder)?.map(name).collect()
}
