'use strict';

const { Readable } = require('stream');
const { pipeline } = require('stream/promises');
const { streamifyResponse, HttpResponseStream } = awslambda;

const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

exports.pieces = streamifyResponse(async (event, stream) => {
  stream.setContentType('text/plain');
  stream.write('one ');
  await soon();
  stream.write(Buffer.from('two '));
  stream.end('three');
});
exports.objects = streamifyResponse(async (event, stream) => {
  stream.write({ a: 1 });
  stream.end([2]);
});
exports.http = streamifyResponse(async (event, stream) => {
  const response = HttpResponseStream.from(stream, { statusCode: 201, headers: { 'x-shop': 'yes' } });
  response.write('created');
  response.end();
});
exports.httpEmpty = streamifyResponse(async (event, stream) => {
  HttpResponseStream.from(stream, { statusCode: 204 }).end();
});
exports.pipes = streamifyResponse(async (event, stream) => {
  await pipeline(Readable.from(['a', 'b', 'c']), stream);
});
exports.pipeFails = streamifyResponse(async (event, stream) => {
  await pipeline(
    Readable.from(
      (async function* () {
        yield 'a';
        throw new Error('source broke');
      })(),
    ),
    stream,
  );
});
exports.returnsEarly = streamifyResponse(async (event, stream) => {
  setTimeout(() => stream.end('late'), 10);
});
exports.worksAfterEnd = streamifyResponse(async (event, stream) => {
  stream.end('all');
  await soon();
  console.log('still working');
});
exports.endsButNeverSettles = streamifyResponse((event, stream) => {
  stream.end('all');
  return new Promise(() => {});
});
exports.large = streamifyResponse(async (event, stream) => {
  stream.end(Buffer.alloc(event, 'x'));
});
exports.throwsFirst = streamifyResponse(async () => {
  throw new TypeError('too early');
});
exports.throwsBetween = streamifyResponse(async (event, stream) => {
  stream.write('some');
  await soon();
  throw new TypeError('half way');
});
exports.destroys = streamifyResponse(async (event, stream) => {
  stream.write('some');
  stream.destroy(new Error('given up'));
});
exports.unfinished = streamifyResponse(async (event, stream) => {
  stream.write('some');
});
exports.notAsync = streamifyResponse(() => {});
exports.typeTooLate = streamifyResponse(async (event, stream) => {
  stream.write('some');
  stream.setContentType('text/plain');
});
exports.returnsValue = streamifyResponse(async (event, stream) => {
  stream.end('x');
  return 'ignored';
});
exports.notStreaming = async (event) => event;
exports.malformed = Object.assign(async () => {}, { [Symbol.for('aws.lambda.runtime.handler.streaming')]: 'request' });
