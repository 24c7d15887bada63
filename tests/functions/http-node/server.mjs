// A web server for `runtime = "http"`, of Node's own modules alone.
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

// Tells one process from the next: process numbers are the same in every sandbox.
const instance = randomUUID();
const waiting = [];
let opened;
const gate = () => new Promise((resolve) => (opened = resolve));

const server = createServer(async (request, response) => {
  const path = request.url.split('?')[0];
  if (path === '/stream') {
    const open = gate();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('first');
    await open;
    response.end('last');
    return;
  }
  if (path === '/break') {
    const open = gate();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('first');
    await open;
    response.destroy();
    return;
  }
  if (path === '/open') opened();
  if (path === '/crash') process.exit(3);
  if (path === '/together') {
    await new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 20) waiting.splice(0).forEach((go) => go());
    });
  }
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (piece) => {
    bytes += piece.length;
    hash.update(piece);
  });
  await once(request, 'end');
  const headers = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    headers.push([request.rawHeaders[i].toLowerCase(), request.rawHeaders[i + 1]]);
  }
  const whole = JSON.stringify({
    instance, method: request.method, path: request.url, headers, bytes, sha256: hash.digest('hex'),
  });
  response.writeHead(202, [
    'content-type', 'application/json', 'content-length', String(Buffer.byteLength(whole)),
    'x-one', '1', 'set-cookie', 'a=1', 'set-cookie', 'b=2',
  ]);
  response.end(request.method === 'HEAD' ? undefined : whole);
});

process.on('SIGTERM', () => {
  console.log('asked to stop');
  process.exit(0);
});
server.listen(process.env.PORT, '127.0.0.1', () => console.log('listening'));
