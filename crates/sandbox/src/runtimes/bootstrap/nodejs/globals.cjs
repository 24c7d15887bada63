'use strict';

// `awslambda`, the global through which handlers opt into response streaming.

const { STREAMING } = require('./handler.cjs');

const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const HTTP_CONTENT_TYPE = 'application/vnd.awslambda.http-integration-response';

class HttpResponseStream {
  /** Turns a response stream into an HTTP response: `metadata` holds statusCode, headers and cookies. */
  static from(stream, metadata) {
    stream.setContentType(HTTP_CONTENT_TYPE);
    stream.setPrelude(JSON.stringify(metadata));
    return stream;
  }
}

function streamifyResponse(handler, options) {
  handler[STREAMING] = 'response';
  if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = options.highWaterMark;
  return handler;
}

function offerStreaming() {
  // Lambda's own way to opt out of the global.
  if (['1', 'true'].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = { streamifyResponse, HttpResponseStream };
}

module.exports = { offerStreaming, HIGH_WATER_MARK };
