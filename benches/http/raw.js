// The wall: what Node's own HTTP server does with the same work. PORT says where.
'use strict';

const http = require('node:http');
const { answer } = require('./app/function/answers');

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = () => JSON.parse(Buffer.concat(chunks).toString());
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer(request.url, body)));
  });
});

server.listen(Number(process.env.PORT), '127.0.0.1');
