// A WebSocket server on Node's ws, for tests against a server that others wrote. Prints its port on a line of its own.
// Its arguments: `plain`, `deflate` (with context takeover) or `deflate-no-takeover`.
//
// /echo               sends every message back
// /foo                gets the body of every POST /publications as a text
// /close?code&reason  closes at once
// /close-after?n&code&reason   sends back n messages, then closes
// /ping?n             sends n pings; once all pongs have come, the text `ponged`
// /burst?n            sends the texts 0 to n-1
// any path            agrees on the first subprotocol that begins with `agree`
// GET /stats          what it has counted, as JSON
'use strict';
const http = require('http');
const { WebSocketServer, WebSocket } = require('ws');

const mode = process.argv[2];
const stats = {
  connections: 0, open: 0, received: 0, sent: 0, bytes: 0, publications: 0, pongs: 0, pings: 0, compressed: 0,
  closes: {}, upgrades: [], http_connections: 0,
};
const takeover = mode === 'deflate';
const perMessageDeflate = mode === 'plain' ? false : {
  threshold: 0,
  serverNoContextTakeover: !takeover,
  clientNoContextTakeover: !takeover,
};

const server = http.createServer((request, response) => {
  if (request.url === '/stats') {
    // Who asks does so on a connection of its own, which does not count.
    stats.http_connections -= 1;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(stats));
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (piece) => { body += piece; });
  request.on('end', () => {
    if (request.method === 'POST' && request.url === '/publications') {
      stats.publications += 1;
      for (const client of subscribers) {
        client.send(body);
        stats.sent += 1;
      }
    }
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Set-Cookie', 'visited=yes; Path=/');
    response.end(JSON.stringify({ subscribers: subscribers.size }));
  });
});
server.keepAliveTimeout = 0;
server.on('connection', () => { stats.http_connections += 1; });

const subscribers = new Set();
const sockets = new WebSocketServer({
  server,
  perMessageDeflate,
  maxPayload: 64 << 20,
  handleProtocols: (offered) => [...offered].find((one) => one.startsWith('agree')) || false,
});

sockets.on('connection', (socket, request) => {
  const url = new URL(request.url, 'http://server');
  const number = Number(url.searchParams.get('n') || 0);
  const code = Number(url.searchParams.get('code') || 1000);
  const reason = url.searchParams.get('reason') || '';
  const send = (data, options) => {
    stats.sent += 1;
    socket.send(data, options);
  };
  let received = 0;
  let pongs = 0;
  stats.connections += 1;
  stats.open += 1;
  if (socket.extensions.includes('permessage-deflate')) stats.compressed += 1;
  stats.upgrades.push({
    url: request.url, cookie: request.headers.cookie || '', host: request.headers.host,
    test: request.headers['x-test'] || '', subprotocol: socket.protocol,
  });

  socket.on('error', () => {});
  socket.on('message', (data, binary) => {
    stats.received += 1;
    stats.bytes += data.length;
    received += 1;
    if (url.pathname === '/echo' || url.pathname === '/close-after') send(data, { binary });
    if (url.pathname === '/close-after' && received === number) socket.close(code, reason);
  });
  socket.on('ping', () => { stats.pings += 1; });
  socket.on('pong', () => {
    stats.pongs += 1;
    pongs += 1;
    if (url.pathname === '/ping' && pongs === number) send('ponged');
  });
  socket.on('close', (closed, why) => {
    stats.open -= 1;
    subscribers.delete(socket);
    const key = why.length ? `${closed} ${why}` : `${closed}`;
    stats.closes[key] = (stats.closes[key] || 0) + 1;
  });

  if (url.pathname === '/foo') subscribers.add(socket);
  if (url.pathname === '/close') socket.close(code, reason);
  if (url.pathname === '/ping') for (let i = 0; i < number; i += 1) socket.ping(`${i}`);
  if (url.pathname === '/burst') for (let i = 0; i < number; i += 1) send(`${i}`);
});

server.listen(0, '127.0.0.1', 4096, () => { console.log(server.address().port); });
process.on('SIGTERM', () => { process.exit(0); });
