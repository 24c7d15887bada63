// What the bench answers, the same in every server: 9 bytes or 10 KB of JSON, or the JSON that came.
'use strict';

const small = { id: 42 };
const large = { items: [], rest: '' };

while (JSON.stringify(large).length < 10_000) {
  const id = large.items.length;
  large.items.push({ id, name: `Item ${id}`, price: id * 1.5, tags: ['new', 'sale'], stock: id % 2 === 0 });
}
large.rest = 'x'.repeat(10_240 - JSON.stringify(large).length);

// `body` gives the request's JSON, read by the server in its own way.
exports.answer = (path, body) => {
  switch (path) {
    case '/small':
      return small;
    case '/large':
      return large;
    case '/echo':
      return body();
    default:
      throw new Error(`the bench has no ${path}`);
  }
};
