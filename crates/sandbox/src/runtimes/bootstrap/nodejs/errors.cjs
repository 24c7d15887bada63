'use strict';

// The shapes in which errors leave the process: one for the caller, one for the log.

/** An error that is the runtime's own, with the type that Lambda gives it. */
function runtimeError(type, message, stack) {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: `Runtime.${type}`, configurable: true, writable: true });
  // The stack was captured under the name `Error`.
  error.stack = stack ?? error.stack.replace(/^Error/, error.name);
  return error;
}

function unhandledRejection(reason, promise) {
  return Object.assign(runtimeError('UnhandledPromiseRejection', textOf(reason)), { reason, promise });
}

function neverSettled() {
  return runtimeError(
    'NodeJsExit',
    'The event loop ran empty before the promise that the handler returned was settled, so it never could be.',
  );
}

/** The JSON object that the caller gets. User code can throw anything, so nothing may be taken for granted. */
function toAnswer(error) {
  try {
    return JSON.stringify(describe(error));
  } catch {
    return JSON.stringify({
      errorType: 'handled',
      errorMessage: 'The handler failed, and its error has a message, name or stack that cannot be read',
      trace: [],
    });
  }
}

function describe(error) {
  if (isErrorLike(error)) {
    return { errorType: error.name, errorMessage: error.message, trace: stackOf(error) };
  }
  return { errorType: typeof error, errorMessage: textOf(error), trace: [] };
}

const isErrorLike = (value) =>
  value instanceof Error ||
  (typeof value?.name === 'string' && typeof value.message === 'string' && typeof value.stack === 'string');

const stackOf = (error) => (typeof error.stack === 'string' ? error.stack.split('\n') : []);

function textOf(value) {
  try {
    return String(value);
  } catch {
    return 'A value that has no text form';
  }
}

/** What is logged of an error as text: everything that it carries, also what JSON leaves out by default. */
function toLogText(error) {
  try {
    return `\t${JSON.stringify(asError(error), (_key, value) => expand(value))}`;
  } catch {
    return `\t${toAnswer(error)}`;
  }
}

function expand(value) {
  if (!(value instanceof Error)) return value;
  const members = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === 'string') members.stack = value.stack.split('\n');
  return members;
}

const asError = (value) => (value instanceof Error ? value : new Error(textOf(value)));

module.exports = { runtimeError, unhandledRejection, neverSettled, toAnswer, toLogText, asError };
