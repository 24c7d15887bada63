'use strict';

console.log('while loading');

exports.levels = async () => {
  for (const level of ['trace', 'debug', 'info', 'log', 'warn', 'error', 'fatal']) console[level](level);
};
exports.formats = async () => {
  console.log('two\nlines');
  console.log('%s has %d', 'cart', 3, { a: 1 });
};
exports.json = async () => {
  const circular = {};
  circular.self = circular;
  console.log('text');
  console.log({ order: 5 });
  console.log('several', 'values');
  console.error(new TypeError('alone'));
  console.error('with', new TypeError('another'));
  console.log(circular);
};
exports.fails = async () => {
  throw Object.assign(new Error('boom\nand more'), { code: 'E_BOOM', order: 5 });
};
exports.failsWithText = async () => {
  throw 'text';
};
exports.rejects = async () => {
  Promise.reject(new Error('nobody listens'));
  await new Promise((resolve) => setTimeout(resolve, 50));
};
exports.hostile = async () => {
  throw Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no message for you');
    },
  });
};
exports.untouchable = async () => {
  const refuse = () => {
    throw new Error('hands off');
  };
  throw new Proxy(new Error('x'), { get: refuse, getPrototypeOf: refuse, ownKeys: refuse });
};
exports.closed = async (event) => {
  if (event === 'close') require('fs').closeSync(1);
  console.log('to nobody');
  return event;
};
exports.flood = async () => {
  // Touching process.stdout makes the pipe non-blocking.
  process.stdout.write('first\n');
  for (let i = 0; i < 200; i++) console.log('x'.repeat(1024));
};
