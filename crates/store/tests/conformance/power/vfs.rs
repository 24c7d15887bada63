//! A VFS of SQLite's that tells a [`Disk`] of every change, and leaves all else to the one of the system.
//!
//! It is the system's VFS with two functions replaced, and files that it opens have three of theirs replaced: so locks
//! and shared memory stay as they are.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::ffi;

use super::disk::Disk;

/// The VFS of a disk. It is taken back when this is dropped, which must be after the store is.
#[derive(Debug)]
pub(super) struct Vfs {
    name: String,
    own: usize,
}

/// A file that is open through a VFS of ours.
#[derive(Clone)]
struct Open {
    disk: Arc<Disk>,
    path: PathBuf,
    folder_too: bool,
    /// The functions of the system's VFS.
    system: &'static ffi::sqlite3_io_methods,
}

static DISKS: Mutex<Option<HashMap<usize, Arc<Disk>>>> = Mutex::new(None);
static FILES: Mutex<Option<HashMap<usize, Open>>> = Mutex::new(None);
static METHODS: Mutex<Option<HashMap<usize, &'static ffi::sqlite3_io_methods>>> = Mutex::new(None);

/// Works on one of the tables above.
fn with<V, T>(table: &Mutex<Option<HashMap<usize, V>>>, work: impl FnOnce(&mut HashMap<usize, V>) -> T) -> T {
    work(table.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

impl Vfs {
    pub(super) fn new(name: &str, disk: Arc<Disk>) -> Self {
        let text = CString::new(name).expect("a name without a zero").into_raw();
        let system = system();
        let own = ffi::sqlite3_vfs {
            zName: text,
            pNext: std::ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(remove),
            // SAFETY: `system` points to the default VFS, which SQLite never frees or changes.
            ..unsafe { *system }
        };
        // It is never freed: SQLite may look at it as long as the process runs.
        let own: *mut ffi::sqlite3_vfs = Box::leak(Box::new(own));
        with(&DISKS, |disks| disks.insert(own.addr(), disk));
        // SAFETY: `own` is a complete VFS that lives for ever.
        let registered = unsafe { ffi::sqlite3_vfs_register(own, 0) };
        assert_eq!(registered, ffi::SQLITE_OK);
        Self { name: name.to_owned(), own: own.expose_provenance() }
    }

    pub(super) fn name(&self) -> String {
        self.name.clone()
    }
}

impl Drop for Vfs {
    fn drop(&mut self) {
        with(&DISKS, |disks| disks.remove(&self.own));
        // SAFETY: the address is that of the VFS that `new` leaked and registered.
        unsafe { ffi::sqlite3_vfs_unregister(std::ptr::with_exposed_provenance_mut(self.own)) };
    }
}

/// The VFS of the system.
fn system() -> *mut ffi::sqlite3_vfs {
    // SAFETY: SQLite is initialized by this call if it was not; a null name asks for the default.
    let system = unsafe {
        ffi::sqlite3_initialize();
        ffi::sqlite3_vfs_find(std::ptr::null())
    };
    assert!(!system.is_null(), "SQLite has a default VFS");
    system
}

/// The path that SQLite gives a file.
///
/// # Safety
/// `name` ends with a zero.
unsafe fn path_of(name: *const c_char) -> PathBuf {
    // SAFETY: the caller says that it ends with a zero.
    let name = unsafe { CStr::from_ptr(name) };
    Path::new(OsStr::from_bytes(name.to_bytes())).to_owned()
}

/// # Safety
/// Called by SQLite as the `xOpen` of a VFS.
unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let tracked =
        flags & (ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
    // SAFETY: SQLite's names end with a zero where they are not null.
    let path = (tracked && !name.is_null()).then(|| unsafe { path_of(name) });
    let found = path.as_ref().and_then(|path| std::fs::read(path).ok());
    let system = system();
    // SAFETY: the arguments are SQLite's own, passed on to the function that they would have gone to.
    let opened =
        unsafe { (*system).xOpen.map_or(ffi::SQLITE_CANTOPEN, |open| open(system, name, file, flags, out)) };
    let (Some(path), ffi::SQLITE_OK) = (path, opened) else { return opened };
    let Some(disk) = with(&DISKS, |disks| disks.get(&vfs.addr()).cloned()) else {
        return ffi::SQLITE_CANTOPEN;
    };
    disk.opened(&path, found);
    // SAFETY: a file that was opened has the functions of its VFS, which are static.
    let system: &'static ffi::sqlite3_io_methods = unsafe { &*(*file).pMethods };
    let folder_too = flags & ffi::SQLITE_OPEN_MAIN_DB == 0;
    with(&FILES, |files| files.insert(file.addr(), Open { disk, path, folder_too, system }));
    // SAFETY: the file is open and SQLite's; the functions do what those that they replace do, and live for ever.
    unsafe { (*file).pMethods = ours(system) };
    ffi::SQLITE_OK
}

/// The functions of the system's with ours in front of those that change something.
fn ours(system: &'static ffi::sqlite3_io_methods) -> &'static ffi::sqlite3_io_methods {
    with(&METHODS, |known| {
        *known.entry(std::ptr::from_ref(system).addr()).or_insert_with(|| {
            Box::leak(Box::new(ffi::sqlite3_io_methods {
                xClose: Some(close),
                xWrite: Some(write),
                xTruncate: Some(truncate),
                xSync: Some(sync),
                ..*system
            }))
        })
    })
}

fn file_of(file: *mut ffi::sqlite3_file) -> Open {
    with(&FILES, |files| files.get(&file.addr()).cloned()).expect("the file was opened here")
}

/// # Safety
/// Called by SQLite as the `xDelete` of a VFS.
unsafe extern "C" fn remove(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    if let Some(disk) = with(&DISKS, |disks| disks.get(&vfs.addr()).cloned()) {
        // SAFETY: SQLite's names end with a zero.
        disk.remove(&unsafe { path_of(name) }, sync_folder != 0);
    }
    let system = system();
    // SAFETY: the arguments are SQLite's own, passed on.
    unsafe { (*system).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| delete(system, name, 0)) }
}

/// # Safety
/// Called by SQLite as the `xClose` of a file that `open` opened.
unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let open = with(&FILES, |files| files.remove(&file.addr())).expect("the file was opened here");
    // SAFETY: the file is the one that the function belongs to.
    unsafe { open.system.xClose.map_or(ffi::SQLITE_IOERR_CLOSE, |close| close(file)) }
}

/// # Safety
/// Called by SQLite as the `xWrite` of a file that `open` opened.
unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: i64,
) -> c_int {
    let open = file_of(file);
    let (Ok(length), Ok(start)) = (usize::try_from(count), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite writes `count` bytes from there.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length) };
    open.disk.write(&open.path, start, bytes);
    // SAFETY: the arguments are SQLite's own, passed on.
    unsafe { open.system.xWrite.map_or(ffi::SQLITE_IOERR_WRITE, |write| write(file, from, count, at)) }
}

/// # Safety
/// Called by SQLite as the `xTruncate` of a file that `open` opened.
unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let open = file_of(file);
    let Ok(length) = usize::try_from(size) else { return ffi::SQLITE_IOERR_TRUNCATE };
    open.disk.truncate(&open.path, length);
    // SAFETY: the arguments are SQLite's own, passed on.
    unsafe { open.system.xTruncate.map_or(ffi::SQLITE_IOERR_TRUNCATE, |truncate| truncate(file, size)) }
}

/// # Safety
/// Called by SQLite as the `xSync` of a file that `open` opened.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    let open = file_of(file);
    // The file system is not asked to: only the disk that is made up has to survive.
    open.disk.sync(&open.path, open.folder_too);
    ffi::SQLITE_OK
}
