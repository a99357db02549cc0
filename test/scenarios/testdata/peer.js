// A TLS server or client on Node's tls module; see server_peer.go and client_peer.go for the flags.
'use strict';
const fs = require('fs');
const tls = require('tls');
const { parseArgs } = require('util');

const names = ['host', 'port', 'name', 'ca', 'cert', 'key', 'client-ca', 'min', 'max', 'cipher', 'alpn', 'sni'];
const { values: f, positionals: [role] } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(names.map((n) => [n, { type: 'string' }])),
});
const file = (path) => path && fs.readFileSync(path);
const options = {
  minVersion: 'TLSv' + f.min, maxVersion: 'TLSv' + f.max, ciphers: f.cipher,
  cert: file(f.cert), key: file(f.key), ALPNProtocols: f.alpn && f.alpn.split(','),
};

function server() {
  Object.assign(options, { ca: file(f['client-ca']), requestCert: !!f['client-ca'], rejectUnauthorized: !!f['client-ca'] });
  if (f.sni) {
    options.SNICallback = (name, done) => done(name === f.sni ? null : new Error('unknown name ' + name));
  }
  const s = tls.createServer(options, (conn) => {
    conn.on('error', (err) => console.log('connection:', err.message));
    conn.once('data', () => conn.end('HTTP/1.0 200 OK\r\n\r\nok\n'));
  });
  s.on('tlsClientError', (err) => console.log('tlsClientError:', err.code, err.message));
  s.listen(Number(f.port));
}

function client() {
  const conn = tls.connect({ ...options, host: f.host, port: Number(f.port), servername: f.name, ca: file(f.ca) });
  conn.on('secureConnect', () => conn.write('GET / HTTP/1.0\r\n\r\n'));
  conn.on('data', (data) => process.stdout.write(data));
  conn.on('error', (err) => { console.log(err.code, err.message); process.exitCode = 1; });
  conn.on('end', () => conn.end());
}

role === 'server' ? server() : client();
