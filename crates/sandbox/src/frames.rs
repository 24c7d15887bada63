//! Frames between the node and the managed runtimes (Node.js, Python), over two pipes.
//!
//! Pipes and not a socket: a Unix socket wakes its writer each time the reader has taken something, so that every
//! invocation would wake both sides once more for nothing.
//!
//! A frame is a header of 9 bytes and a body: `u32` length of the body, `u8` kind, `u32` sequence number, all
//! little-endian. The runtime gets INVOKE and answers with RESULT, ERROR, FATAL, or STREAM_START, STREAM_CHUNK...,
//! STREAM_END or STREAM_ERROR, repeating the invocation's sequence number: an answer with another number is
//! late or forged and is dropped.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use lambent_core::limits::{ERROR_MAX, RESULT_MAX};
use lambent_core::{FunctionError, Invocation, Timestamp, json};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use crate::reply::Reply;

const HEADER: usize = 9;

/// Bytes that there is room for when something is read: what most answers need, so that one read takes them whole.
const READ_LEAST: usize = 16 * 1024;

/// Bytes that room is made for at once: what a pipe holds (pipe(7)).
const READ_MOST: usize = 64 * 1024;

/// The kinds of frames.
mod kind {
    pub(super) const INVOKE: u8 = 0x01;
    pub(super) const READY: u8 = 0x10;
    pub(super) const INIT_ERROR: u8 = 0x11;
    pub(super) const RESULT: u8 = 0x20;
    pub(super) const ERROR: u8 = 0x21;
    pub(super) const STREAM_START: u8 = 0x22;
    pub(super) const STREAM_CHUNK: u8 = 0x23;
    pub(super) const STREAM_END: u8 = 0x24;
    pub(super) const STREAM_ERROR: u8 = 0x25;
    /// An error after which the runtime ends itself.
    pub(super) const FATAL: u8 = 0x26;

    /// What a runtime may send.
    pub(super) const FROM_RUNTIME: [u8; 9] =
        [READY, INIT_ERROR, RESULT, ERROR, STREAM_START, STREAM_CHUNK, STREAM_END, STREAM_ERROR, FATAL];
}

/// The node's ends of the pipes.
#[derive(Debug)]
pub(crate) struct Frames {
    calls: pipe::Sender,
    answers: pipe::Receiver,
    inbox: BytesMut,
    sequence: u32,
}

/// How an invocation went, as the runtime tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It returned this; empty when it was streamed to a listener.
    Returned(Bytes),
    /// It failed; the runtime goes on.
    Failed(FunctionError),
    /// It failed, and the runtime ends itself.
    Fatal(FunctionError),
    /// The runtime ended before it took up the invocation: it can be given to another.
    Unbegun,
}

/// How the initialisation went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    Yes,
    /// The runtime could not load the function.
    Failed(FunctionError),
}

/// A frame with its body, when the body is small enough to keep.
struct Frame {
    kind: u8,
    sequence: u32,
    body: Option<Bytes>,
}

impl Frames {
    pub(crate) fn new(calls: pipe::Sender, answers: pipe::Receiver) -> Self {
        Self { calls, answers, inbox: BytesMut::new(), sequence: 0 }
    }

    /// Waits until the runtime has loaded the function. `Err` when it is gone, or speaks nonsense.
    pub(crate) async fn ready(&mut self) -> io::Result<Ready> {
        let frame = self.read().await?;
        match frame.kind {
            kind::READY => Ok(Ready::Yes),
            kind::INIT_ERROR => Ok(Ready::Failed(function_error(frame.body))),
            other => Err(nonsense(other)),
        }
    }

    /// Hands over an invocation and waits for the answer. `Err` when the runtime is gone, or speaks nonsense:
    /// it must not be used again. Not cancel-safe: when this is dropped, so must be the runtime.
    pub(crate) async fn invoke(
        &mut self,
        call: &Invocation,
        deadline: Timestamp,
        reply: &mut Reply,
    ) -> io::Result<Answer> {
        self.sequence = self.sequence.wrapping_add(1);
        if self.send_invoke(call, deadline).await.is_err() {
            return Ok(Answer::Unbegun);
        }
        loop {
            let frame = match self.read().await {
                Err(_) if self.is_unread() => return Ok(Answer::Unbegun),
                other => other?,
            };
            if frame.sequence != self.sequence {
                continue;
            }
            match frame.kind {
                kind::RESULT => {
                    return Ok(frame.body.map_or_else(too_large, Answer::Returned));
                }
                kind::ERROR => return Ok(Answer::Failed(function_error(frame.body))),
                kind::FATAL => return Ok(Answer::Fatal(function_error(frame.body))),
                kind::STREAM_START => {
                    let content_type = frame.body.unwrap_or_default();
                    reply.start(std::str::from_utf8(&content_type).unwrap_or("application/octet-stream"));
                    return self.stream(reply).await;
                }
                other => return Err(nonsense(other)),
            }
        }
    }

    /// Whether the runtime has left something of the call unread: it cannot have begun it then.
    pub(crate) fn is_unread(&self) -> bool {
        rustix::io::ioctl_fionread(&self.calls).is_ok_and(|unread| unread > 0)
    }

    async fn stream(&mut self, reply: &mut Reply) -> io::Result<Answer> {
        let mut oversized = false;
        loop {
            let frame = self.read().await?;
            match (frame.kind, frame.sequence == self.sequence) {
                (_, false) => {}
                (kind::STREAM_CHUNK, _) if oversized => {}
                (kind::STREAM_CHUNK, _) => {
                    let fits = match frame.body {
                        Some(bytes) => reply.chunk(bytes).await.is_ok(),
                        None => false,
                    };
                    if !fits {
                        oversized = true;
                        reply.fail(FunctionError::result_too_large()).await;
                    }
                }
                (kind::STREAM_END, _) if oversized => return Ok(too_large()),
                (kind::STREAM_END, _) => return Ok(Answer::Returned(reply.finish())),
                (kind::STREAM_ERROR, _) => {
                    let error = function_error(frame.body);
                    reply.fail(error.clone()).await;
                    return Ok(Answer::Failed(error));
                }
                (kind::FATAL, _) => {
                    let error = function_error(frame.body);
                    reply.fail(error.clone()).await;
                    return Ok(Answer::Fatal(error));
                }
                (other, _) => return Err(nonsense(other)),
            }
        }
    }

    async fn send_invoke(&mut self, call: &Invocation, deadline: Timestamp) -> io::Result<()> {
        let head = invoke_head(call, deadline);
        let small = call.payload.len() <= 32 * 1024;
        let length = 4 + head.len() + call.payload.len();
        let mut start =
            Vec::with_capacity(HEADER + 4 + head.len() + if small { call.payload.len() } else { 0 });
        start.extend(u32::try_from(length).map_err(io::Error::other)?.to_le_bytes());
        start.push(kind::INVOKE);
        start.extend(self.sequence.to_le_bytes());
        start.extend(u32::try_from(head.len()).map_err(io::Error::other)?.to_le_bytes());
        start.extend(head.as_bytes());
        // One write wakes the runtime once; copying a small payload costs less than a second write.
        if small {
            start.extend(&call.payload[..]);
            return self.calls.write_all(&start).await;
        }
        self.calls.write_all(&start).await?;
        self.calls.write_all(&call.payload).await
    }

    /// The next frame. A body that is larger than any result may be is read and thrown away.
    async fn read(&mut self) -> io::Result<Frame> {
        while self.inbox.len() < HEADER {
            self.fill().await?;
        }
        let length = self.inbox.get_u32_le() as usize;
        let kind = self.inbox.get_u8();
        let sequence = self.inbox.get_u32_le();
        if !kind::FROM_RUNTIME.contains(&kind) {
            // Waiting for the body of what is no frame would take until the timeout.
            return Err(nonsense(kind));
        }
        if length > RESULT_MAX.max(ERROR_MAX) {
            self.discard(length).await?;
            return Ok(Frame { kind, sequence, body: None });
        }
        self.inbox.reserve(length.saturating_sub(self.inbox.len()));
        while self.inbox.len() < length {
            self.fill().await?;
        }
        Ok(Frame { kind, sequence, body: Some(self.inbox.split_to(length).freeze()) })
    }

    async fn discard(&mut self, mut length: usize) -> io::Result<()> {
        loop {
            let here = self.inbox.len().min(length);
            self.inbox.advance(here);
            length -= here;
            if length == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.inbox.capacity() - self.inbox.len() < READ_LEAST {
            self.inbox.reserve(READ_MOST);
        }
        if self.answers.read_buf(&mut self.inbox).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// What the runtime has to know besides the event, as JSON.
fn invoke_head(call: &Invocation, deadline: Timestamp) -> String {
    let mut head = String::with_capacity(320);
    head.push_str("{\"id\":");
    json::push_string(&mut head, call.id.as_str());
    head.push_str(",\"deadline\":");
    head.push_str(&deadline.as_millis().to_string());
    head.push_str(",\"arn\":");
    json::push_string(&mut head, &call.arn);
    head.push_str(",\"trace\":");
    json::push_string(&mut head, call.trace.as_str());
    if let Some(context) = &call.client_context {
        head.push_str(",\"clientContext\":");
        head.push_str(context);
    }
    head.push('}');
    head
}

fn function_error(document: Option<Bytes>) -> FunctionError {
    #[derive(Deserialize)]
    struct Document {
        #[serde(rename = "errorType")]
        kind: String,
    }
    let Some(document) = document else { return FunctionError::result_too_large() };
    let kind = serde_json::from_slice::<Document>(&document).map_or_else(|_| "Error".to_owned(), |d| d.kind);
    FunctionError { kind, document }
}

fn too_large() -> Answer {
    Answer::Failed(FunctionError::result_too_large())
}

fn nonsense(kind: u8) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the runtime sent a frame of kind {kind:#04x} out of turn"),
    )
}
