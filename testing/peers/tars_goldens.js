// Writes crates/codec/goldens/tars anew: frames that TARS' Node library has put on the wire.
//
//     NODE_PATH=.cache/node/node_modules node testing/peers/tars_goldens.js
//
// `./test` must have installed the peers. Its client calls its server through a relay; what went each way becomes files. What
// each is stands in the README.md of the folder.

const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const Tars = require('@tars/rpc');
const TarsStream = require('@tars/stream');

const FOLDER = path.join(__dirname, '../../crates/codec/goldens/tars');
const SERVANT = 'Mecha.PeerServer.EchoObj';

class Echo {
  initialize() {}

  onDispatch(current, name, payload) {
    const isTup = current.getRequestVersion() !== 1;
    if (name === 'tars_ping') {
      const answer = isTup ? new TarsStream.UniAttribute() : new TarsStream.TarsOutputStream();
      if (isTup) answer.tupVersion = current.getRequestVersion();
      answer.writeInt32(isTup ? '' : 0, 0);
      current.doResponse(isTup ? answer.encode() : answer.getBinBuffer());
    } else if (name === 'echo') {
      current.setResponseContext({ server: 'node', empty: '' });
      current.doResponse(payload);
    } else if (name === 'fail') {
      const error = new Error('it went wrong');
      error.code = 7;
      throw error;
    } else if (name !== 'note') {
      return Tars.error.SERVER.FUNC_NOT_FOUND;
    }
    return 0;
  }
}

class Proxy {}

function frames(chunks) {
  const bytes = Buffer.concat(chunks);
  const found = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    found.push(bytes.subarray(at, at + bytes.readUInt32BE(at)));
  }
  return found;
}

function write(name, frame) {
  fs.writeFileSync(path.join(FOLDER, `${name}.bin`), frame);
  console.log(`${name}.bin: ${frame.length} bytes`);
}

/** A relay in front of a port, which keeps what went each way. */
function relay(port) {
  const kept = { asked: [], answered: [] };
  const server = net.createServer(client => {
    const upstream = net.connect(port, '127.0.0.1');
    client.on('data', data => kept.asked.push(data) && upstream.write(data));
    upstream.on('data', data => kept.answered.push(data) && client.write(data));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve({ port: server.address().port, kept })));
}

function freePort() {
  return new Promise(resolve => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function payload(text) {
  const stream = new TarsStream.TarsOutputStream();
  stream.writeString(1, text);
  return stream.getBinBuffer();
}

function attributes(version, text) {
  const tup = new TarsStream.UniAttribute();
  tup.tupVersion = version;
  tup.writeString('text', text);
  return tup.encode();
}

async function serve() {
  const port = await freePort();
  const config = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tars-')), 'server.conf');
  fs.writeFileSync(config, `<tars>
<application>
<server>
app=Mecha
server=PeerServer
localip=127.0.0.1
<${SERVANT}Adapter>
endpoint=tcp -h 127.0.0.1 -p ${port} -t 60000
maxconns=100
protocol=tars
servant=${SERVANT}
</${SERVANT}Adapter>
</server>
<client>
stat=none
property=none
modulename=Mecha.PeerServer
</client>
</application>
</tars>
`);
  const server = new Tars.server();
  server.initialize(config, it => it.addServant(Echo, SERVANT));
  await server.start();
  return port;
}

/** Calls through a relay of its own, and writes the request and, unless there is none, the response. */
async function capture(name, port, call, answered = true) {
  const { port: at, kept } = await relay(port);
  const proxy = Tars.client.stringToProxy(Proxy, `${SERVANT}@tcp -h 127.0.0.1 -p ${at} -t 3000`);
  await call(proxy._worker).catch(() => {});
  write(`${name}-request`, frames(kept.asked)[0]);
  if (answered) write(`${name}-response`, frames(kept.answered)[0]);
}

/** Sends a frame as it is, for what the client can't say, and writes both. */
async function captureRaw(name, port, request) {
  const socket = net.connect(port, '127.0.0.1');
  const chunks = [];
  await new Promise(resolve => {
    socket.on('data', data => {
      chunks.push(data);
      const all = Buffer.concat(chunks);
      if (all.length >= all.readUInt32BE(0)) resolve();
    });
    socket.write(request);
  });
  socket.destroy();
  write(`${name}-request`, request);
  write(`${name}-response`, frames(chunks)[0]);
}

function tup(version, name, id) {
  const call = new TarsStream.Tup();
  call.tupVersion = version;
  call.servantName = SERVANT;
  call.funcName = name;
  call._iRequestId = id;
  call.writeString('text', 'hello');
  return call.encode().toNodeBuffer();
}

async function main() {
  fs.mkdirSync(FOLDER, { recursive: true });
  const port = await serve();
  await capture('echo', port, it => it.tars_invoke('echo', payload('hello')));
  await capture('context', port, it =>
    it.tars_invoke('echo', payload('hello'), { context: { caller: 'node', 'mixed Case': 'é値', empty: '', long: 'x'.repeat(300) } }));
  await capture('dyed', port, it => it.tars_invoke('echo', payload('hello'), { dyeing: { dyeing: true, key: '42' } }));
  await capture('large', port, it => it.tars_invoke('echo', payload('x'.repeat(70000))));
  await capture('fail', port, it => it.tars_invoke('fail', payload('')));
  await capture('no-function', port, it => it.tars_invoke('nothing', payload('')));
  await capture('ping', port, it => it.tars_invoke('tars_ping', payload('')));
  await capture('one-way', port, async it => {
    it.tars_invoke('note', payload('hello'), { packetType: 1 }).catch(() => {});
    // Connections are served in order, so the one-way call has left when this is answered.
    await it.tars_invoke('echo', payload('after'));
  }, false);
  await capture('tup', port, it => {
    it.version = 3;
    return it.tars_invoke('echo', attributes(3, 'hello'), { iVersion: 3, context: { caller: 'node' } });
  });
  await captureRaw('tup2', port, tup(2, 'echo', 4711));
  await captureRaw('tup-fail', port, tup(3, 'fail', 70000));
  await captureRaw('tup-ping', port, tup(3, 'tars_ping', 1));
  process.exit(0);
}

main();
