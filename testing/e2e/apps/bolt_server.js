// A service on sofa-rpc-node, over Bolt and without a registry: `node bolt_server.js PORT ID`. It answers by whatever
// version and CRC switch a request came with, and its methods are those of `mecha.peers.sofa.Peer` in testing/peers.
"use strict";

const { RpcServer } = require("sofa-rpc-node").server;

const [port, id] = process.argv.slice(2);
const silent = { error() {}, warn() {}, info() {}, debug() {} };

function tell(event, more) {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
}

// A method sees the request that it answers.
class Server extends RpcServer {
  createContext(req) {
    return { req, logger: silent };
  }
}

// Bytes that differ from place to place, so that a part in a wrong place shows.
const pattern = (length) => Buffer.from(Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8)));
const java = ($class) => async (value) => ({ $class, $: value });

// How often each text came to `note`.
const notes = new Map();

const peer = {
  echoString: java("java.lang.String"),
  echoInt: java("int"),
  echoLong: java("long"),
  echoDouble: java("double"),
  echoBoolean: java("boolean"),
  echoDate: java("java.util.Date"),
  async echoBytes(value) {
    return value;
  },
  async echoList(value) {
    return value;
  },
  async echoMap(value) {
    return value;
  },
  async echoPerson(person) {
    return { $class: "mecha.peers.sofa.Person", $: person };
  },
  async sleep(ms) {
    await new Promise((woken) => setTimeout(woken, ms));
    return { $class: "long", $: ms };
  },
  async fail(message) {
    throw new Error(message);
  },
  async bytes(length) {
    return pattern(length);
  },
  async props() {
    return this.req.data.requestProps;
  },
  async note(text) {
    notes.set(text, (notes.get(text) ?? 0) + 1);
    return null;
  },
  async noted(text) {
    return { $class: "int", $: notes.get(text) ?? 0 };
  },
  async id() {
    return id;
  },
};

(async () => {
  const server = new Server({ logger: silent, port: Number(port) });
  server.on("error", (error) => tell("error", { message: error.message }));
  server.addService({ interfaceName: "mecha.peers.sofa.Peer" }, peer);
  await server.start();
  tell("listening", { port: Number(port) });
})();
