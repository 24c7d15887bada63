'use strict';

// Every way in which a handler can fail and leave the process alive.

class CartError extends Error {
  constructor(message) {
    super(message);
    this.name = 'CartError';
    this.code = 'E_CART';
    this.cart = { id: 5 };
  }
}

const hostile = () =>
  Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no message for you');
    },
  });
const circular = () => {
  const value = {};
  value.self = value;
  return value;
};

exports.plainThrow = () => {
  throw new TypeError('plain');
};
exports.asyncThrow = async () => {
  throw new CartError('empty cart');
};
exports.text = async () => {
  throw 'just text';
};
exports.plainUndefined = () => {
  throw undefined;
};
exports.asyncUndefined = () => Promise.reject();
exports.number = async () => {
  throw 42;
};
exports.object = async () => {
  throw { some: 'object' };
};
exports.noPrototype = async () => {
  throw Object.create(null);
};
exports.errorLike = async () => {
  throw { name: 'Alien', message: 'from elsewhere', stack: 'Alien: from elsewhere\n    at home' };
};
exports.noStack = async () => {
  throw Object.assign(new Error('bare'), { stack: undefined });
};
exports.hostile = async () => {
  throw hostile();
};
exports.circularError = async () => {
  const error = new Error('round');
  error.self = error;
  throw error;
};
exports.callback = (event, context, callback) => callback(new CartError('by callback'));
exports.callbackText = (event, context, callback) => callback('text by callback');
exports.fail = (event, context) => context.fail(new Error('by fail'));
exports.failNothing = (event, context) => context.fail();
exports.bigint = async () => ({ n: 1n });
exports.circularResult = async () => circular();
exports.circularByCallback = (event, context, callback) => callback(null, circular());
exports.neverSettles = () => new Promise(() => {});
exports.echo = async (event) => event;
