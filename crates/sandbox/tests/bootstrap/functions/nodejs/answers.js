'use strict';

// Every way in which a handler can answer.

exports.asyncValue = async (event) => ({ got: event });
exports.asyncNothing = async () => {};
exports.thenable = () => ({ then: (resolve) => resolve('from a thenable') });
exports.plainValue = () => ({ plain: true });
exports.plainNothing = () => {};
exports.aFunction = async () => () => {};
exports.nested = { deep: { handler: async () => 'deep' } };

// An arrow function that returns a timer by accident, and answers later.
exports.arrowTimer = (event, context) => setTimeout(() => context.succeed('later'), 5);

exports.callback = (event, context, callback) => {
  const result = { timers: 0 };
  setTimeout(() => result.timers++, 10);
  callback(null, result);
};
exports.callbackAtOnce = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setInterval(() => {}, 1000);
  callback(null, 'at once');
};
exports.callbackNever = (event, context, callback) => {
  setTimeout(() => {}, 5);
  return 'ignored beside a callback';
};
exports.callbackByArguments = function () {
  arguments[2](null, 'by arguments');
};
exports.done = (event, context) => {
  setInterval(() => {}, 1000);
  context.done(null, 'done');
};
exports.succeed = (event, context) => context.succeed('succeeded');
exports.twice = (event, context, callback) => {
  context.done(null, 'first');
  context.done(null, 'second');
  callback(new Error('third'));
  setTimeout(() => callback(null, 'fourth'), 5);
};
exports.callbackThenPromise = async (event, context, callback) => {
  callback(null, 'callback');
  return 'promise';
};
exports.oldMembers = async (event, context) => Object.keys(context).filter((key) => typeof context[key] === 'function');
