'use strict';

// The console as functions know it from Lambda: one line a record, marked with the request that wrote it.

const { writeSync } = require('fs');
const { format } = require('util');
const { asError, toAnswer, toLogText } = require('./errors.cjs');

const STDOUT = 1;
const FULL_PIPE_PAUSE_MS = 1;
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
// Loggers of other libraries look here for the current request.
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');

let tenantId;
let isJson = false;
let lowest = 0;

function enter(requestId, tenant) {
  globalThis[REQUEST_ID] = requestId;
  tenantId = tenant;
}

function patchConsole() {
  isJson = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';
  lowest = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));
  for (const level of LEVELS) {
    console[level.toLowerCase()] = (...values) => log(level, values);
  }
  console.log = console.info;
}

/** Logs an error that ended an invocation or the process. */
function logError(title, error) {
  try {
    log('ERROR', isJson ? [asError(error)] : [title, toLogText(error)]);
  } catch {
    // An error that resists even being looked at; the caller still has to get an answer.
    log('ERROR', [title, toAnswer(error)]);
  }
}

function log(level, values) {
  if (LEVELS.indexOf(level) < lowest) return;
  const time = new Date().toISOString();
  const requestId = globalThis[REQUEST_ID];
  const record = isJson
    ? jsonRecord({ timestamp: time, level, requestId, tenantId }, values)
    : `${time}\t${requestId}\t${level}\t${format(...values)}`;
  // A record is a line, whatever it contains.
  write(`${record.replace(/\n/g, '\r')}\n`);
}

function jsonRecord(record, values) {
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...record, message: values[0] }, (_key, value) => expand(value));
    } catch {
      // Circular, or a BigInt: only the text form is left.
      return JSON.stringify({ ...record, message: format(values[0]) });
    }
  }
  record.message = format(...values);
  const error = values.find((value) => value instanceof Error);
  return JSON.stringify(error ? { ...record, ...errorMembers(error) } : record);
}

const expand = (value) => (value instanceof Error ? { ...errorMembers(value), ...value } : value);

const errorMembers = (error) => ({
  errorType: error.constructor?.name ?? 'UnknownError',
  errorMessage: error.message,
  stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : [],
});

function write(line) {
  const bytes = Buffer.from(line);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(STDOUT, bytes, written);
    } catch (error) {
      // User code that touches process.stdout makes the pipe non-blocking, so a full one has to be waited for here.
      if (error.code === 'EAGAIN') pause();
      // A function whose output is closed still has to answer.
      else if (error.code !== 'EINTR') return;
    }
  }
}

const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE_MS);

module.exports = { patchConsole, enter, logError };
