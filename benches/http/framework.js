// The same work as a function of the Functions Framework. PORT says where.
'use strict';

const functions = require('@google-cloud/functions-framework');
const { getTestServer } = require('@google-cloud/functions-framework/testing');
const { answer } = require('./app/function/answers');

functions.http('bench', (request, response) => {
  response.json(answer(request.path, () => request.body));
});

// The framework's command listens on every address of the machine; this is its server on loopback only.
getTestServer('bench').listen(Number(process.env.PORT), '127.0.0.1');
