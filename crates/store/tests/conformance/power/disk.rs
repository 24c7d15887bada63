//! A disk that loses its power: what was written since the last sync of a file is there afterwards, or not, or in part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// What a disk writes as a whole. A write of more may be torn between any two of these.
const SECTOR: usize = 512;

/// Files by path, with what they hold.
pub(super) type Image = BTreeMap<PathBuf, Vec<u8>>;

/// The files of a store as the disk has them, beside the file system that shows them as they were written.
#[derive(Debug)]
pub(super) struct Disk(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    files: BTreeMap<PathBuf, File>,
    /// Files that were removed, as long as their folder was not synced.
    removed: BTreeMap<PathBuf, File>,
    /// Changes until the power goes.
    left: u64,
    rng: fastrand::Rng,
    /// Whether it only says that it syncs.
    lies: bool,
    image: Option<Image>,
}

#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    written: Vec<Write>,
    /// Whether its name is in the synced folder.
    named: bool,
}

#[derive(Clone, Debug)]
enum Write {
    Bytes { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// How much of what was written since the last sync is left.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    Everything,
    Some,
    /// Some, and these in part.
    Torn,
    /// As much as was written until some moment.
    First(usize),
}

impl Disk {
    /// A disk that loses its power after so many changes.
    pub(super) fn new(seed: u64, changes: u64, lies: bool) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let (files, removed) = (BTreeMap::new(), BTreeMap::new());
        Self(Mutex::new(Inner { files, removed, left: changes, rng, lies, image: None }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Whether the power is gone. The store that was running goes on in a world that nobody will see.
    pub(super) fn is_dead(&self) -> bool {
        self.inner().image.is_some()
    }

    /// What is on the disk after the power went, which it does now at the latest.
    pub(super) fn image(&self) -> Image {
        let mut inner = self.inner();
        inner.left = 0;
        inner.die_in_time();
        inner.image.clone().expect("the power is gone")
    }

    /// A file is opened, which was there with `found` or is made.
    pub(super) fn opened(&self, path: &Path, found: Option<Vec<u8>>) {
        let mut inner = self.inner();
        if inner.files.contains_key(path) {
            return;
        }
        let named = found.is_some();
        let file = File { synced: found.unwrap_or_default(), written: Vec::new(), named };
        inner.files.insert(path.to_owned(), file);
        inner.changed();
    }

    pub(super) fn write(&self, path: &Path, at: usize, bytes: &[u8]) {
        self.note(path, Write::Bytes { at, bytes: bytes.to_vec() });
    }

    pub(super) fn truncate(&self, path: &Path, size: usize) {
        self.note(path, Write::Truncate(size));
    }

    fn note(&self, path: &Path, write: Write) {
        let mut inner = self.inner();
        inner.files.entry(path.to_owned()).or_default().written.push(write);
        inner.changed();
    }

    /// A file is synced. SQLite syncs the folder of a log or journal along with its first sync.
    pub(super) fn sync(&self, path: &Path, folder_too: bool) {
        let mut inner = self.inner();
        // The power may go before the sync is done.
        inner.changed();
        if inner.lies {
            return;
        }
        if let Some(file) = inner.files.get_mut(path) {
            for write in std::mem::take(&mut file.written) {
                write.apply(&mut file.synced, |_| true);
            }
            if folder_too && !file.named {
                inner.sync_folder();
            }
        }
    }

    pub(super) fn remove(&self, path: &Path, sync_folder: bool) {
        let mut inner = self.inner();
        inner.changed();
        if let Some(file) = inner.files.remove(path).filter(|file| file.named) {
            inner.removed.insert(path.to_owned(), file);
        }
        if sync_folder && !inner.lies {
            inner.sync_folder();
        }
    }
}

impl Inner {
    fn sync_folder(&mut self) {
        self.removed.clear();
        self.files.values_mut().for_each(|file| file.named = true);
    }

    fn changed(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.die_in_time();
    }

    fn die_in_time(&mut self) {
        if self.left > 0 || self.image.is_some() {
            return;
        }
        let rng = &mut self.rng;
        let mut image = Image::new();
        for (path, file) in &self.files {
            if file.named || rng.bool() {
                image.insert(path.clone(), file.after_power(rng));
            }
        }
        for (path, file) in &self.removed {
            if !image.contains_key(path) && rng.bool() {
                image.insert(path.clone(), file.after_power(rng));
            }
        }
        self.image = Some(image);
    }
}

impl File {
    fn after_power(&self, rng: &mut fastrand::Rng) -> Vec<u8> {
        let left = match rng.u8(..6) {
            0 => Left::Nothing,
            1 => Left::Everything,
            2 | 3 => Left::Some,
            4 => Left::Torn,
            _ => Left::First(rng.usize(..=self.written.len())),
        };
        let mut bytes = self.synced.clone();
        for (n, write) in self.written.iter().enumerate() {
            let kept = match left {
                Left::Nothing => false,
                Left::Everything => true,
                Left::Some | Left::Torn => rng.bool(),
                Left::First(count) => n < count,
            };
            if kept {
                write.apply(&mut bytes, |_| !matches!(left, Left::Torn) || rng.bool());
            }
        }
        bytes
    }
}

impl Write {
    /// Does it to those sectors that are kept.
    fn apply(&self, file: &mut Vec<u8>, mut keep: impl FnMut(usize) -> bool) {
        match self {
            Self::Truncate(size) => file.truncate(*size),
            Self::Bytes { at, bytes } => {
                let end = at + bytes.len();
                let mut from = *at;
                while from < end {
                    let to = end.min((from / SECTOR + 1) * SECTOR);
                    if keep(from / SECTOR) {
                        if file.len() < to {
                            file.resize(to, 0);
                        }
                        file[from..to].copy_from_slice(&bytes[from - at..to - at]);
                    }
                    from = to;
                }
            }
        }
    }
}

#[test]
fn what_was_synced_is_there_after_the_power_went_and_the_rest_may_be() {
    let path = Path::new("f");
    let mut rest_seen = [false, false];
    for seed in 0..40 {
        let disk = Disk::new(seed, u64::MAX, false);
        disk.opened(path, None);
        disk.write(path, 0, b"kept");
        disk.sync(path, true);
        disk.write(path, 4, b"rest");
        let image = disk.image();
        assert!(image[path].starts_with(b"kept"));
        rest_seen[usize::from(image[path].ends_with(b"rest"))] = true;
    }
    assert_eq!(rest_seen, [true, true]);
}
