'use strict';

// Every way in which a handler can take the process with it.

exports.rejection = async () => {
  Promise.reject(new Error('nobody listens'));
  await new Promise((resolve) => setTimeout(resolve, 50));
};
exports.rejectionOfSymbol = async () => {
  Promise.reject(Symbol('odd'));
  await new Promise((resolve) => setTimeout(resolve, 50));
};
exports.exception = async () => {
  setTimeout(() => {
    throw new RangeError('in a timer');
  }, 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
};
exports.exceptionOfNothing = async () => {
  setTimeout(() => {
    throw undefined;
  }, 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
};
exports.exceptionWhileWaiting = (event, context, callback) => {
  callback(null, 'never seen');
  setTimeout(() => {
    throw new Error('before the loop was empty');
  }, 1);
};
exports.exit = async () => process.exit(7);
exports.afterAnswer = async () => {
  setImmediate(() => {
    throw new Error('too late');
  });
  return 'answered';
};
