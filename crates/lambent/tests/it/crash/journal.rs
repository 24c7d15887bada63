//! What the functions were given, in their own words: it outlives every node.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A message that a function was given.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The function.
    pub(crate) function: String,
    /// The invocation.
    pub(crate) run: String,
    /// When, by the clock that all processes of this machine share.
    pub(crate) at: u64,
    /// The message.
    pub(crate) id: String,
}

#[derive(Debug, Default)]
struct Pages {
    entries: Vec<Entry>,
    times: HashMap<(String, String), u64>,
}

/// Listens to the functions.
#[derive(Debug)]
pub(crate) struct Journal {
    address: SocketAddr,
    pages: Arc<Mutex<Pages>>,
    mended: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
}

impl Journal {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (pages, mended, closed): (Arc<Mutex<Pages>>, Arc<AtomicBool>, Arc<AtomicBool>) =
            Default::default();
        let journal = Self {
            address,
            pages: Arc::clone(&pages),
            mended: Arc::clone(&mended),
            closed: Arc::clone(&closed),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                let (pages, mended) = (Arc::clone(&pages), Arc::clone(&mended));
                std::thread::spawn(move || listen(stream, &pages, &mended));
            }
        });
        journal
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing is poison any more.
    pub(crate) fn mend(&self) {
        self.mended.store(true, Ordering::Relaxed);
    }

    /// Everything so far, in the order in which it happened.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.pages.lock().unwrap().entries.clone();
        entries.sort_by_key(|entry| entry.at);
        entries
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Wakes the listener, which sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

/// Writes down what one process of a function says; answers how often it was said, and whether all is mended.
fn listen(stream: TcpStream, pages: &Mutex<Pages>, mended: &AtomicBool) {
    let Ok(mut answers) = stream.try_clone() else { return };
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        // A process that is killed in the middle of a line has not said it.
        let &[function, run, at, id] = words.as_slice() else { return };
        let entry = Entry {
            function: function.to_owned(),
            run: run.to_owned(),
            at: at.parse().unwrap(),
            id: id.to_owned(),
        };
        let times = {
            let mut pages = pages.lock().unwrap();
            let times = pages.times.entry((entry.function.clone(), entry.id.clone())).or_default();
            *times += 1;
            let times = *times;
            pages.entries.push(entry);
            times
        };
        let state = if mended.load(Ordering::Relaxed) { "mended" } else { "broken" };
        if answers.write_all(format!("{times} {state}\n").as_bytes()).is_err() {
            return;
        }
    }
}
