// An unmodified Lambda function behind an HTTP API (payload 2.0): for Lambent and for serverless-offline.
'use strict';

const { answer } = require('./answers');

const headers = { 'content-type': 'application/json' };

exports.handler = async (event) => {
  const result = answer(event.rawPath, () => JSON.parse(event.body));
  return { statusCode: 200, headers, body: JSON.stringify(result) };
};
