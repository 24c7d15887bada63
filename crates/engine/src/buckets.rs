//! The node's buckets: S3-compatible, in folders of their own, durable.
//!
//! ```text
//! buckets/NAME/bucket.json   what is set for it
//!              objects/      a file for each object, by its key (names.rs)
//!              uploads/ID/   a multipart upload: what it is for, and a file for each part
//!              drafts/       what is being written or removed; emptied when the node starts
//! ```
//!
//! What has returned is on disk: a draft is written and synced, gets its name by a rename, and then the folder of that
//! name is synced. Everything here blocks on the disk; [`Buckets::run`] finds it a thread.

mod disk;
mod draft;
mod listing;
mod names;
mod object;
#[cfg(test)]
mod tests;
mod uploads;

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lambent_core::{BucketName, BucketSpec, Clock, Timestamp, limits};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use draft::Draft;
pub use listing::{Listing, Page};
pub use object::{Object, ObjectChecksum, ObjectHead};
pub use uploads::Upload;

/// Threads that wait for the disk at once.
const THREADS: usize = 8;

/// Locks that keys share: two writers of one key go one after the other.
const LOCKS: usize = 64;

/// The node's buckets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Buckets {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    threads: Arc<Semaphore>,
    locks: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

/// A bucket that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: BucketName,
    /// When it was made.
    pub made: Timestamp,
    /// What is set for it.
    pub spec: BucketSpec,
}

/// The file of a bucket.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    made: u64,
    uploads_kept_ms: u64,
}

/// Why something of buckets is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such bucket.
    #[error("the bucket is not there")]
    NoBucket,
    /// There is one of this name.
    #[error("the bucket is there already")]
    BucketExists,
    /// It has objects.
    #[error("the bucket has objects: delete them first")]
    NotEmpty,
    /// There are as many as a node has.
    #[error("a node has at most {} buckets", limits::BUCKETS_MAX)]
    TooManyBuckets,
    /// There is no such object.
    #[error("the object is not there")]
    NoObject,
    /// There is no such upload.
    #[error("the multipart upload is not there: it was completed, aborted, or took too long")]
    NoUpload,
    /// The key makes a path that is too long.
    #[error("the key is too long for a file")]
    KeyTooLong,
    /// What is there is not what the request is for.
    #[error("the object is not as the request wants it to be")]
    Condition,
    /// The disk does not do what it should.
    #[error("the files of {what} cannot be used: {source}")]
    Disk {
        /// Whose files.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// The node is stopping, or the action panicked.
    #[error("the action on the buckets was stopped before its end")]
    Stopped,
}

impl Buckets {
    /// Opens the buckets in the folder `root`, which is made when it is missing. What was being written when the node
    /// ended goes. Blocks on the disk.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let buckets = Self {
            inner: Arc::new(Inner {
                root: root.to_owned(),
                threads: Arc::new(Semaphore::new(THREADS)),
                locks: [const { Mutex::new(()) }; LOCKS],
                hasher: RandomState::new(),
            }),
        };
        buckets.clean().map_err(|source| Error::Disk { what: root.display().to_string(), source })?;
        Ok(buckets)
    }

    /// Runs an action on a thread that may wait for the disk. It runs to its end even when nobody waits for it.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the node is stopping or the action panicked.
    pub async fn run<T, F>(&self, action: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> T + Send + 'static,
    {
        let permit = Arc::clone(&self.inner.threads).acquire_owned().await.map_err(|_| Error::Stopped)?;
        let buckets = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            // The permit lives as long as the thread is busy, not as long as somebody waits for it.
            let _permit = permit;
            action(&buckets)
        });
        work.await.map_err(|_| Error::Stopped)
    }

    /// Sees to it that a bucket as declared is there.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn ensure(&self, name: &BucketName, spec: &BucketSpec, now: Timestamp) -> Result<(), Error> {
        match self.create(name, spec, now) {
            Err(Error::BucketExists) => {}
            done => return done,
        }
        let made = self.about(name)?.made;
        let folder = self.existing(name)?;
        let draft = folder.join("drafts").join(format!("{:032x}", fastrand::u128(..)));
        let renew = || -> io::Result<()> {
            write_about(&draft, made, spec)?;
            disk::rename(&draft, &folder, Path::new("bucket.json"))
        };
        renew().map_err(|source| self.broken(name, source))
    }

    /// Makes a bucket. It is on disk afterwards.
    ///
    /// # Errors
    /// [`Error::BucketExists`] when there is one of the name.
    pub fn create(&self, name: &BucketName, spec: &BucketSpec, now: Timestamp) -> Result<(), Error> {
        if self.list()?.len() >= limits::BUCKETS_MAX {
            return Err(Error::TooManyBuckets);
        }
        let draft = self.hidden();
        let create = || -> io::Result<bool> {
            fs::create_dir(&draft)?;
            for folder in ["objects", "uploads", "drafts"] {
                fs::create_dir(draft.join(folder))?;
            }
            write_about(&draft.join("bucket.json"), now, spec)?;
            disk::sync_folder(&draft)?;
            // A folder is never renamed to one that is not empty.
            match fs::rename(&draft, self.inner.root.join(name.as_str())) {
                Ok(()) => disk::sync_folder(&self.inner.root).map(|()| true),
                Err(error)
                    if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) =>
                {
                    fs::remove_dir_all(&draft).map(|()| false)
                }
                Err(error) => Err(error),
            }
        };
        match create().map_err(|source| self.broken(name, source))? {
            true => Ok(()),
            false => Err(Error::BucketExists),
        }
    }

    /// Removes a bucket without objects, with its uploads. It is gone from the disk afterwards.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] when it has objects.
    pub fn delete(&self, name: &BucketName) -> Result<(), Error> {
        let folder = self.existing(name)?;
        let trash = self.hidden();
        let delete = || -> io::Result<bool> {
            if listing::any(&folder.join("objects"))? {
                return Ok(false);
            }
            // Out of reach first: who writes an object now finds no bucket. Who was faster gets it back.
            fs::rename(&folder, &trash)?;
            if listing::any(&trash.join("objects"))? {
                fs::rename(&trash, &folder)?;
                return Ok(false);
            }
            disk::sync_folder(&self.inner.root)?;
            fs::remove_dir_all(&trash).map(|()| true)
        };
        match delete() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::NotEmpty),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoBucket),
            Err(source) => Err(self.broken(name, source)),
        }
    }

    /// Every bucket, by name.
    ///
    /// # Errors
    /// When the disk does not tell.
    pub fn list(&self) -> Result<Vec<Bucket>, Error> {
        let read = || -> io::Result<Vec<BucketName>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.inner.root)? {
                names.extend(entry?.file_name().to_str().and_then(|name| BucketName::parse(name).ok()));
            }
            names.sort();
            Ok(names)
        };
        let what = || self.inner.root.display().to_string();
        let names = read().map_err(|source| Error::Disk { what: what(), source })?;
        // One that is removed meanwhile is none.
        let about = |name| match self.about(name) {
            Err(Error::NoBucket) => None,
            about => Some(about),
        };
        names.iter().filter_map(about).collect()
    }

    /// A bucket.
    ///
    /// # Errors
    /// [`Error::NoBucket`] when there is none of the name.
    pub fn about(&self, name: &BucketName) -> Result<Bucket, Error> {
        let path = self.inner.root.join(name.as_str()).join("bucket.json");
        let text = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::NoBucket),
            read => read.map_err(|source| self.broken(name, source))?,
        };
        let about: About = serde_json::from_slice(&text).map_err(|error| self.broken(name, error.into()))?;
        let uploads_kept = std::time::Duration::from_millis(about.uploads_kept_ms);
        let made = Timestamp::from_millis(about.made);
        Ok(Bucket { name: name.clone(), made, spec: BucketSpec { uploads_kept } })
    }

    /// Begins to write an object or a part.
    ///
    /// # Errors
    /// When there is no such bucket, or the disk does not take it.
    pub fn draft(&self, bucket: &BucketName) -> Result<Draft, Error> {
        let folder = self.existing(bucket)?.join("drafts");
        Draft::begin(&folder).map_err(|source| self.broken(bucket, source))
    }

    /// Makes a draft the object of a key, in place of what is there, if `condition` holds for that. It is on disk
    /// afterwards, whole.
    ///
    /// # Errors
    /// [`Error::Condition`] when the condition does not hold.
    pub fn put(
        &self,
        bucket: &BucketName,
        key: &str,
        mut draft: Draft,
        mut head: ObjectHead,
        condition: impl FnOnce(Option<&ObjectHead>) -> bool,
    ) -> Result<(), Error> {
        let path = names::path(key).ok_or(Error::KeyTooLong)?;
        head.size = draft.size();
        draft.complete(&head).map_err(|source| self.broken(bucket, source))?;
        let _one_at_a_time = self.lock(bucket, key);
        self.check(bucket, key, condition)?;
        let root = self.existing(bucket)?.join("objects");
        draft.name(&root, &path).map_err(|source| self.broken(bucket, source))
    }

    /// Opens the object of a key.
    ///
    /// # Errors
    /// [`Error::NoObject`] when there is none.
    pub fn get(&self, bucket: &BucketName, key: &str) -> Result<Object, Error> {
        let path = names::path(key).ok_or(Error::KeyTooLong)?;
        match Object::open(&self.existing(bucket)?.join("objects").join(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoObject),
            opened => opened.map_err(|source| self.broken(bucket, source)),
        }
    }

    /// Removes the object of a key, if there is one and `condition` holds for it; whether there was one. It is gone
    /// from the disk afterwards.
    ///
    /// # Errors
    /// [`Error::Condition`] when the condition does not hold.
    pub fn remove(
        &self,
        bucket: &BucketName,
        key: &str,
        condition: impl FnOnce(Option<&ObjectHead>) -> bool,
    ) -> Result<bool, Error> {
        let path = names::path(key).ok_or(Error::KeyTooLong)?;
        let _one_at_a_time = self.lock(bucket, key);
        self.check(bucket, key, condition)?;
        let root = self.existing(bucket)?.join("objects");
        disk::remove(&root, &path).map_err(|source| self.broken(bucket, source))
    }

    /// Lists the objects of a bucket.
    ///
    /// # Errors
    /// When there is no such bucket, or the disk does not tell.
    pub fn list_objects(&self, bucket: &BucketName, asked: &Listing) -> Result<Page, Error> {
        let root = self.existing(bucket)?.join("objects");
        listing::list(&root, asked).map_err(|source| self.broken(bucket, source))
    }

    /// Removes uploads that took too long, again and again, until `stop`.
    pub(crate) async fn run_sweeps(self, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let pause = || tokio::time::sleep(limits::UPLOADS_SWEEP_EVERY);
        while stop.run_until_cancelled(pause()).await.is_some() {
            let now = clock.now();
            match self.run(move |buckets| buckets.remove_stale_uploads(now)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => eprintln!("stale multipart uploads could not be removed: {error}"),
                Err(_) => return,
            }
        }
    }

    fn check(
        &self,
        bucket: &BucketName,
        key: &str,
        condition: impl FnOnce(Option<&ObjectHead>) -> bool,
    ) -> Result<(), Error> {
        let head = match self.get(bucket, key) {
            Ok(object) => Some(object.head),
            Err(Error::NoObject) => None,
            Err(error) => return Err(error),
        };
        if condition(head.as_ref()) { Ok(()) } else { Err(Error::Condition) }
    }

    /// The folder of a bucket that is there.
    fn existing(&self, name: &BucketName) -> Result<PathBuf, Error> {
        let folder = self.inner.root.join(name.as_str());
        if folder.is_dir() { Ok(folder) } else { Err(Error::NoBucket) }
    }

    /// What is wrong with the files of a bucket: with one that was removed meanwhile, that it is not there.
    fn broken(&self, bucket: &BucketName, source: io::Error) -> Error {
        if source.kind() == ErrorKind::NotFound && self.existing(bucket).is_err() {
            return Error::NoBucket;
        }
        Error::Disk { what: format!("the bucket {bucket}"), source }
    }

    fn lock(&self, bucket: &BucketName, key: &str) -> MutexGuard<'_, ()> {
        let hash = self.inner.hasher.hash_one((bucket, key));
        let index = usize::try_from(hash % LOCKS as u64).expect("less than the number of locks");
        self.inner.locks[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for what is on its way in or out: no bucket has one that begins with a dot.
    fn hidden(&self) -> PathBuf {
        self.inner.root.join(format!(".{:032x}", fastrand::u128(..)))
    }

    fn clean(&self) -> io::Result<()> {
        fs::create_dir_all(&self.inner.root)?;
        for entry in fs::read_dir(&self.inner.root)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                fs::remove_dir_all(entry.path())?;
                continue;
            }
            let drafts = entry.path().join("drafts");
            if drafts.is_dir() {
                fs::remove_dir_all(&drafts)?;
                fs::create_dir(&drafts)?;
            }
        }
        disk::sync_folder(&self.inner.root)
    }
}

fn write_about(path: &Path, made: Timestamp, spec: &BucketSpec) -> io::Result<()> {
    let uploads_kept_ms = u64::try_from(spec.uploads_kept.as_millis()).unwrap_or(u64::MAX);
    let about = About { made: made.as_millis(), uploads_kept_ms };
    fs::write(path, serde_json::to_vec(&about)?)?;
    fs::File::open(path)?.sync_all()
}
