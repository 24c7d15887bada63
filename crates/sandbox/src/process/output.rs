//! What a function prints, line by line, with the request that it belongs to.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lambent_core::limits::{LOG_LINE_MAX, LOG_TAIL_MAX};
use lambent_core::{Clock, FunctionName, LogEntry, Logged, RequestId};
use tokio::net::unix::pipe::Receiver;

/// How much is read in one go: somebody who prints without a pause must not keep the node from its other work.
const CHUNK: usize = 8192;

/// Where log lines go.
pub trait LogSink: fmt::Debug + Send + Sync {
    /// Takes one entry. Must not block.
    fn log(&self, entry: LogEntry);
}

/// Bytes that a pipe holds (pipe(7)).
const PIPE_CAPACITY: usize = 64 * 1024;

/// The output of one process tree.
#[derive(Debug)]
pub(crate) struct Output {
    pipe: Receiver,
    function: FunctionName,
    sink: Arc<dyn LogSink>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    request: Option<RequestId>,
    /// The beginning of a line whose end is still to come.
    partial: Vec<u8>,
    /// The end of what was printed for the current request.
    tail: Vec<u8>,
}

impl Output {
    pub(crate) fn new(
        pipe: Receiver,
        function: FunctionName,
        sink: Arc<dyn LogSink>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { pipe, function, sink, clock, state: Mutex::default() }
    }

    /// Reads what is printed until nobody can print any more.
    pub(crate) async fn pump(self: Arc<Self>) {
        while self.pipe.readable().await.is_ok() {
            match self.drain(CHUNK) {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => {}
                Err(_) => break,
            }
        }
        self.finish_line();
    }

    /// Everything from here on belongs to `request`.
    pub(crate) fn begin(&self, request: RequestId) {
        let mut state = self.state();
        state.request = Some(request);
        state.tail.clear();
    }

    /// The request is answered: takes in what it printed until now, and gives the end of it.
    ///
    /// A function prints before it answers, so what it printed is in the pipe by the time its answer is read.
    pub(crate) fn end(&self) -> Vec<u8> {
        // What goes beyond a full pipe comes from a child that goes on printing.
        drop(self.drain(PIPE_CAPACITY));
        self.finish_line();
        let mut state = self.state();
        state.request = None;
        std::mem::take(&mut state.tail)
    }

    /// Adds a line of the node's own.
    pub(crate) fn note(&self, text: &str) {
        let request = self.state().request;
        let (at, function) = (self.clock.now(), self.function.clone());
        let what = Logged::Printed(Bytes::copy_from_slice(text.as_bytes()));
        self.sink.log(LogEntry { at, function, request, what });
    }

    /// Takes in what is there without waiting, about `most` bytes; whether there may be more. `Err` at the end.
    fn drain(&self, most: usize) -> io::Result<bool> {
        let mut state = self.state();
        let mut chunk = [0; CHUNK];
        let mut taken = 0;
        while taken < most {
            match self.pipe.try_read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.take(&mut state, chunk.get(..n).unwrap_or_default());
                    taken += n;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    fn take(&self, state: &mut State, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = bytes.split_at(end);
            state.partial.extend_from_slice(line);
            self.emit(state);
            bytes = rest.get(1..).unwrap_or_default();
        }
        state.partial.extend_from_slice(bytes);
        if state.partial.len() >= LOG_LINE_MAX {
            self.emit(state);
        }
    }

    /// Ends a line that has no end, such as what a process printed before it was killed.
    fn finish_line(&self) {
        let mut state = self.state();
        if !state.partial.is_empty() {
            self.emit(&mut state);
        }
    }

    fn emit(&self, state: &mut State) {
        let whole = std::mem::take(&mut state.partial);
        let at = self.clock.now();
        let line = |text: &[u8]| {
            let what = Logged::Printed(Bytes::copy_from_slice(text));
            self.sink.log(LogEntry { at, function: self.function.clone(), request: state.request, what });
        };
        if whole.is_empty() {
            line(&[]);
        }
        whole.chunks(LOG_LINE_MAX).for_each(line);
        if state.request.is_some() {
            state.tail.extend_from_slice(&whole);
            state.tail.push(b'\n');
            if state.tail.len() > 2 * LOG_TAIL_MAX {
                let from = state.tail.len() - LOG_TAIL_MAX;
                state.tail.drain(..from);
            }
        }
    }

    /// A panic while the lock is held leaves at worst a line cut short.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
