'use strict';

// Runs one Lambda handler, unmodified: `node index.cjs`, with the node at the other ends of file descriptors 3 and 4.
//
// The next invocation is awaited with a blocking read. That is faster than the event loop, and it is also how Lambda
// behaves: between two invocations the sandbox is frozen, so timers and sockets that a handler left behind wait too.

const { AsyncResource } = require('async_hooks');
const { KIND, receive, send, takeNumber } = require('./frames.cjs');
const { loadHandler, isStreaming } = require('./handler.cjs');
const { contextOf } = require('./context.cjs');
const { Invocation, runBuffered } = require('./invocation.cjs');
const { offerStreaming } = require('./globals.cjs');
const errors = require('./errors.cjs');
const logs = require('./logs.cjs');

const EXIT_UNHANDLED_REJECTION = 128;
const EXIT_UNCAUGHT_EXCEPTION = 129;
// What node itself answers when a module waits for ever at its top level.
const EXIT_UNSETTLED_TOP_LEVEL_AWAIT = 13;

// User code may replace these (fake timers, wrappers around exit), and the runtime must not notice.
const exit = process.exit.bind(process);
const { setImmediate } = globalThis;

// A turn that is scheduled from inside user code would inherit its AsyncLocalStorage, and one invocation would see the
// store of another. This resource was made before any user code ran, so whatever it schedules inherits nothing.
const outsideUserCode = new AsyncResource('LambentInvocationLoop');

let handler = null;
let ready = false;
let current = null;

/** Once around the event loop: timers, I/O and rejections that are due come before the process blocks again. */
function onNextTurn(act) {
  outsideUserCode.runInAsyncScope(setImmediate, null, act);
}

function announce() {
  ready = true;
  send(KIND.READY, 0, '');
  serveNext();
}

const scheduleNext = () => onNextTurn(serveNext);

function serveNext() {
  const frame = receive();
  if (frame === null) exit(0);
  if (frame.kind !== KIND.INVOKE) throw new Error(`The node sent a frame of unknown kind ${frame.kind}`);

  const headEnd = 4 + takeNumber(frame.body, 0);
  const head = JSON.parse(frame.body.toString('utf8', 4, headEnd));
  const payload = frame.body.toString('utf8', headEnd);
  current = new Invocation(frame.seq, scheduleNext);
  logs.enter(head.id, head.tenant);
  setTrace(head.trace);
  run(contextOf(head), payload);
}

function setTrace(trace) {
  if (trace === undefined) delete process.env._X_AMZN_TRACE_ID;
  else process.env._X_AMZN_TRACE_ID = trace;
}

function run(context, payload) {
  let event;
  try {
    event = JSON.parse(payload);
  } catch (error) {
    current.fail(error);
    return;
  }
  if (isStreaming(handler)) require('./streaming.cjs').runStreaming(current, handler, event, context);
  else runBuffered(current, handler, event, context);
}

/** Reports an error that no invocation can survive, to whoever waits for an answer, and ends the process. */
function crash(title, error, code) {
  logs.logError(title, error);
  if (!ready) send(KIND.INIT_ERROR, 0, errors.toAnswer(error));
  else if (current !== null) current.crash(error);
  exit(code);
}

function onIdle() {
  if (!ready) exit(EXIT_UNSETTLED_TOP_LEVEL_AWAIT);
  current.drain();
}

async function start() {
  logs.patchConsole();
  offerStreaming();
  process.on('uncaughtException', (error) => crash('Uncaught Exception', error, EXIT_UNCAUGHT_EXCEPTION));
  process.on('unhandledRejection', (reason, promise) => {
    crash('Unhandled Promise Rejection', errors.unhandledRejection(reason, promise), EXIT_UNHANDLED_REJECTION);
  });
  process.on('beforeExit', onIdle);

  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  } catch (error) {
    crash('Uncaught Exception', error, EXIT_UNCAUGHT_EXCEPTION);
  }
  onNextTurn(announce);
}

start();
