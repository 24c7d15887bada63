'use strict';

// The private link to the node: frames over two blocking pipes, one for calls and one for answers.
// A frame is its body's length (u32, little endian), a kind (u8), a sequence number (u32, little endian), the body.

// Taken now, because user code may patch the `fs` module.
const { readSync, writeSync } = require('fs');

const CALLS = 3;
const ANSWERS = 4;
const HEADER_BYTES = 9;
const BUFFER_BYTES = 64 * 1024;

const KIND = Object.freeze({
  INVOKE: 0x01,
  READY: 0x10,
  INIT_ERROR: 0x11,
  RESULT: 0x20,
  ERROR: 0x21,
  STREAM_START: 0x22,
  STREAM_CHUNK: 0x23,
  STREAM_END: 0x24,
  STREAM_ERROR: 0x25,
  // An error after which this process ends itself.
  FATAL: 0x26,
});

// One read usually brings a whole frame, and sometimes the beginning of the next: inbox[begin..end] is not yet used.
const inbox = Buffer.allocUnsafeSlow(BUFFER_BYTES);
const outbox = Buffer.allocUnsafeSlow(BUFFER_BYTES);
let begin = 0;
let end = 0;

const takeNumber = (bytes, at) => bytes.readUInt32LE(at);

/**
 * Blocks until the next frame is complete; null once the node has hung up.
 * The body is valid until the next call only, as it usually lies in the shared buffer.
 */
function receive() {
  if (begin === end) begin = end = 0;
  if (!buffer(HEADER_BYTES)) return null;
  const length = takeNumber(inbox, begin);
  const kind = inbox[begin + 4];
  const seq = takeNumber(inbox, begin + 5);
  begin += HEADER_BYTES;
  const body = length <= BUFFER_BYTES ? takeBuffered(length) : takeLarge(length);
  return body === null ? null : { kind, seq, body };
}

/** Makes sure that `wanted` unused bytes lie in the inbox. */
function buffer(wanted) {
  if (begin + wanted > BUFFER_BYTES) {
    inbox.copyWithin(0, begin, end);
    end -= begin;
    begin = 0;
  }
  while (end - begin < wanted) {
    const count = readSome(inbox, end);
    if (count === 0) return false;
    end += count;
  }
  return true;
}

function takeBuffered(length) {
  if (!buffer(length)) return null;
  begin += length;
  return inbox.subarray(begin - length, begin);
}

function takeLarge(length) {
  const body = Buffer.allocUnsafeSlow(length);
  let filled = inbox.copy(body, 0, begin, end);
  begin = end = 0;
  while (filled < length) {
    const count = readSome(body, filled);
    if (count === 0) return null;
    filled += count;
  }
  return body;
}

function readSome(into, at) {
  for (;;) {
    try {
      return readSync(CALLS, into, at, into.length - at, null);
    } catch (error) {
      if (error.code !== 'EINTR') throw error;
    }
  }
}

/** Writes one frame whole; `body` is text or bytes. Ends the process when nobody listens any more. */
function send(kind, seq, body) {
  const room = BUFFER_BYTES - HEADER_BYTES;
  if (typeof body === 'string') {
    // A UTF-16 unit becomes at most three bytes of UTF-8.
    if (body.length * 3 <= room) {
      const length = outbox.write(body, HEADER_BYTES);
      putHeader(kind, seq, length);
      writeAll(outbox, HEADER_BYTES + length);
      return;
    }
    body = Buffer.from(body);
  }
  putHeader(kind, seq, body.length);
  if (body.length <= room) {
    outbox.set(body, HEADER_BYTES);
    writeAll(outbox, HEADER_BYTES + body.length);
  } else {
    writeAll(outbox, HEADER_BYTES);
    writeAll(body, body.length);
  }
}

function putHeader(kind, seq, length) {
  outbox.writeUInt32LE(length, 0);
  outbox[4] = kind;
  outbox.writeUInt32LE(seq, 5);
}

function writeAll(bytes, length) {
  let written = 0;
  while (written < length) {
    try {
      written += writeSync(ANSWERS, bytes, written, length - written);
    } catch (error) {
      if (error.code === 'EPIPE') process.exit(0);
      if (error.code !== 'EINTR') throw error;
    }
  }
}

module.exports = { KIND, receive, send, takeNumber };
