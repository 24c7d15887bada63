'use strict';

// One invocation, and the two classic ways to answer it: a promise, or a callback.

const { KIND, send } = require('./frames.cjs');
const { logError } = require('./logs.cjs');
const errors = require('./errors.cjs');

class Invocation {
  #seq;
  #afterAnswer;
  #answered = false;
  // What to do when the event loop runs empty while nobody has answered.
  whenDrained = null;

  constructor(seq, afterAnswer) {
    this.#seq = seq;
    this.#afterAnswer = afterAnswer;
  }

  /** Sends a frame that does not complete the answer. */
  emit(kind, body) {
    if (!this.#answered) send(kind, this.#seq, body);
  }

  /** Completes the answer, and the invocation with it. Only the first answer counts. */
  answer(kind, body) {
    if (this.#close(kind, body)) this.#afterAnswer();
  }

  succeed(result) {
    if (this.#answered) return;
    let text;
    try {
      text = JSON.stringify(result);
    } catch {
      this.fail(errors.runtimeError('JSONStringifyError', 'Unable to stringify response body'));
      return;
    }
    // Undefined, functions and symbols have no JSON form.
    this.answer(KIND.RESULT, text ?? 'null');
  }

  fail(error, kind = KIND.ERROR) {
    if (this.#answered) return;
    logError('Invoke Error', error);
    this.answer(kind, errors.toAnswer(error));
  }

  /** Answers on behalf of a process that is about to end, so no further turn is scheduled. */
  crash(error) {
    this.#close(KIND.FATAL, errors.toAnswer(error));
  }

  drain() {
    if (!this.#answered) this.whenDrained();
  }

  #close(kind, body) {
    if (this.#answered) return false;
    this.#answered = true;
    send(kind, this.#seq, body);
    return true;
  }
}

/** Calls a handler that answers with one value. */
function runBuffered(invocation, handler, event, context) {
  const callback = offerCallbacks(invocation, context);
  let promised = false;
  // A promise that can never settle is an error. A callback that is never called answers null, as Lambda does: old
  // handlers rely on it. (Lambda looks at the declaration, `async` or not; looking at what came back also catches
  // wrapped and transpiled async handlers, for which a silent null would drop their work.)
  invocation.whenDrained = () => {
    if (promised) invocation.fail(errors.neverSettled());
    else invocation.succeed(null);
  };
  try {
    const returned = handler(event, context, callback);
    promised = isThenable(returned);
    if (promised) returned.then(context.succeed, context.fail);
    else if (handler.length < 3 && isData(returned)) context.succeed(returned);
  } catch (error) {
    context.fail(error);
  }
}

/** Adds succeed, fail and done to the context, and gives the callback. The first of all of them to be called wins. */
function offerCallbacks(invocation, context) {
  let claimed = false;
  const once = (act) => (...values) => {
    if (claimed) return;
    claimed = true;
    act(...values);
  };
  const finish = (error, result) => {
    if (error === undefined || error === null) invocation.succeed(result);
    else invocation.fail(error);
  };
  context.done = once(finish);
  context.succeed = once((result) => finish(null, result));
  context.fail = once((error) => finish(error ?? 'handled'));
  return once((error, result) => {
    const failed = error !== undefined && error !== null;
    if (failed || !context.callbackWaitsForEmptyEventLoop) finish(error, result);
    else invocation.whenDrained = () => finish(null, result);
  });
}

const isThenable = (value) => typeof value?.then === 'function';

/**
 * Whether a handler meant this value as its result. Lambda up to Node 22 ignores what a plain function returns and
 * from Node 24 on sends it; one arrow function in older code returns a timer or a request by accident, though, and
 * answers later through the context. Data is a result, such handles are not.
 */
function isData(value) {
  if (value === null || typeof value !== 'object') return value !== undefined && typeof value !== 'function';
  if (Array.isArray(value) || typeof value.toJSON === 'function') return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

module.exports = { Invocation, runBuffered, isThenable };
