'use strict';

// Handlers that write their answer piece by piece. Loaded only for a function that streams.

const { Writable } = require('stream');
const { KIND } = require('./frames.cjs');
const { runtimeError } = require('./errors.cjs');
const { HIGH_WATER_MARK } = require('./globals.cjs');
const { isThenable } = require('./invocation.cjs');

// Bounds what the node has to hold at once of one write.
const CHUNK_BYTES = 256 * 1024;
const HTTP_PRELUDE_END = Buffer.alloc(8);

class ResponseStream extends Writable {
  #emit;
  #contentType = 'application/octet-stream';
  #prelude = null;
  #started = false;

  constructor(emit, highWaterMark) {
    super(highWaterMark > 0 ? { highWaterMark } : {});
    this.#emit = emit;
  }

  get started() {
    return this.#started;
  }

  setContentType(contentType) {
    if (this.#started) throw runtimeError('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    this.#contentType = contentType;
  }

  setPrelude(text) {
    this.#prelude = Buffer.concat([Buffer.from(text), HTTP_PRELUDE_END]);
  }

  write(chunk, ...rest) {
    return super.write(writable(chunk), ...rest);
  }

  end(chunk, ...rest) {
    return super.end(writable(chunk), ...rest);
  }

  _write(chunk, _encoding, done) {
    this.#start();
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
      this.#emit(KIND.STREAM_CHUNK, chunk.subarray(at, at + CHUNK_BYTES));
    }
    // The blocking write above is the backpressure: it returns when the node has room.
    done();
  }

  _final(done) {
    this.#start();
    done();
  }

  #start() {
    if (this.#started) return;
    this.#started = true;
    this.#emit(KIND.STREAM_START, this.#contentType);
    if (this.#prelude !== null) this.#emit(KIND.STREAM_CHUNK, this.#prelude);
  }
}

/** Lambda sends objects as JSON. */
function writable(chunk) {
  const isObject = typeof chunk === 'object' && chunk !== null;
  return isObject && !(chunk instanceof Uint8Array) ? JSON.stringify(chunk) : chunk;
}

/**
 * Calls a handler that streams. The answer ends when the stream has ended *and* the handler has settled: a handler
 * that still works is still running, and the next invocation must not start beside it.
 */
function runStreaming(invocation, handler, event, context) {
  const stream = new ResponseStream((kind, body) => invocation.emit(kind, body), handler[HIGH_WATER_MARK]);
  const fail = (error) => {
    invocation.fail(error, stream.started ? KIND.STREAM_ERROR : KIND.ERROR);
    stream.destroy();
  };
  const end = () => {
    if (stream.writableFinished) invocation.answer(KIND.STREAM_END, '');
    else fail(new Error('Response stream is not finished.'));
  };
  let settled = false;
  const onSettled = (result) => {
    if (result !== undefined) console.warn('Streaming handlers ignore return values.');
    settled = true;
    if (stream.destroyed || stream.writableFinished) end();
  };
  const onClosed = () => {
    if (settled) end();
  };
  stream.on('close', onClosed).on('error', fail);
  // Nothing can be written or settled any more.
  invocation.whenDrained = end;

  try {
    const returned = handler(event, stream, context);
    if (isThenable(returned)) returned.then(onSettled, fail);
    else fail(new Error('Streaming does not support non-async handlers.'));
  } catch (error) {
    fail(error);
  }
}

module.exports = { runStreaming };
