// The client of sofa-rpc-node, connected to an address without a registry: makes the calls of named cases, and tells of
// each whether it went as it should, one JSON object a line.
// `node bolt_client.js HOST:PORT [--protocol bolt|bolt2] [--crc on|off] [CASE...]`, and for the case `load` also
// `[--calls N] [--at-once N] [--size BYTES] [--timeout MS]`.
"use strict";

const assert = require("node:assert");
const { parseArgs } = require("node:util");
const { setTimeout: sleep } = require("node:timers/promises");
const url = require("node:url");
const bolt = require("sofa-bolt-node");
const { RpcClient } = require("sofa-rpc-node").client;

const text = (value) => ({ type: "string", default: value });
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    protocol: text("bolt"),
    crc: text("off"),
    timeout: text("3000"),
    calls: text("1000"),
    "at-once": text("32"),
    size: text("1024"),
  },
});
const [address, ...wanted] = positionals;
const MEBIBYTE = 1 << 20;
const silent = { error() {}, warn() {}, info() {}, debug() {} };
const SERVICE = "mecha.peers.sofa.Peer";
const IDLE_MS = 200;

// The library's own protocol, told to speak the version that the command line asks for.
const protocol = {
  ...bolt,
  encoder: (more) => Object.assign(bolt.encoder(more), { protocolType: options.protocol, boltVersion: 2, crcEnable: options.crc === "on" }),
};
const client = new RpcClient({
  logger: silent,
  connectionOpts: { protocol, noDelay: true, connectTimeout: 3000, maxIdleTime: IDLE_MS },
});
const consumer = client.createConsumer({ interfaceName: SERVICE, serverHost: address, responseTimeout: Number(options.timeout) });

const call = (method, args = [], more = {}) => consumer.invoke(method, args, more);
const java = ($class, $) => ({ $class, $ });
const connection = () => client.connectionManager.get(url.parse(`bolt://${address}`));
const pattern = (length) => Buffer.from(Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8)));

// Calls `method` with one argument, which shall come back.
async function echoes(method, argument, expected = argument) {
  const answer = await call(method, [argument]);
  assert.deepStrictEqual(answer, expected, `${method} of ${JSON.stringify(expected)} answered ${JSON.stringify(answer)}`);
}

// What a call fails with.
async function failure(method, args, more) {
  const answer = await call(method, args, more).then(
    (value) => ({ value }),
    (error) => ({ error })
  );
  assert.ok(answer.error, `${method} answered ${JSON.stringify(answer.value)}`);
  return { name: answer.error.name, message: answer.error.message };
}

const cases = {
  async id() {
    return call("id");
  },
  async basics() {
    for (const value of ["", "plain", "\u00e9\u4e2d\u{1f600}", "x".repeat(70_000)]) await echoes("echoString", value);
    for (const value of [0, -1, 47, 2048, 262_144, 2 ** 31 - 1, -(2 ** 31)]) await echoes("echoInt", java("int", value), value);
    for (const value of [0, -9, 2047, 2 ** 31]) await echoes("echoLong", java("long", value), value);
    for (const value of ["9223372036854775807", "-9223372036854775808"]) await echoes("echoLong", java("long", value), value);
    for (const value of [0, 1, -127, 1.5, 1e300]) await echoes("echoDouble", java("double", value), value);
    for (const value of [true, false]) await echoes("echoBoolean", java("boolean", value), value);
    await echoes("echoDate", new Date(1_700_000_000_123));
    await echoes("echoBytes", Buffer.from([0, 1, 127, 128, 255]));
    await echoes("echoString", java("java.lang.String", null), null);
  },
  async collections() {
    await echoes("echoList", java("java.util.List", ["one", "two", ""]), ["one", "two", ""]);
    await echoes("echoMap", java("java.util.Map", { one: 1, two: 2 }), { one: 1, two: 2 });
  },
  async object() {
    const fields = { name: "Ada", age: 36, tags: ["a", "b"] };
    const person = java("mecha.peers.sofa.Person", {
      name: java("java.lang.String", fields.name),
      age: java("int", fields.age),
      tags: java("java.util.ArrayList", fields.tags),
    });
    const answer = await call("echoPerson", [person]);
    assert.deepStrictEqual({ ...answer }, fields);
  },
  async props() {
    const answer = await call("props", [], { requestProps: { tenant: "blue", "name\u00e9": "\u503c" } });
    assert.strictEqual(answer.tenant, "blue");
    return answer;
  },
  async sleep() {
    return call("sleep", [java("long", 100)]);
  },
  async fail() {
    return failure("fail", ["thrown on purpose"]);
  },
  async "no-method"() {
    return failure("nothing", []);
  },
  async "no-service"() {
    const other = client.createConsumer({ interfaceName: "mecha.peers.sofa.Nothing", serverHost: address });
    const error = await other.invoke("id", [], { responseTimeout: Number(options.timeout) }).catch((problem) => problem);
    assert.ok(error instanceof Error, "an answer came");
    return { name: error.name, message: error.message };
  },
  async large() {
    const bytes = pattern(MEBIBYTE);
    assert.ok(bytes.equals(await call("echoBytes", [bytes])), "other bytes came back");
    assert.ok(bytes.equals(await call("bytes", [java("int", MEBIBYTE)])), "other bytes came");
  },
  // Calls side by side on one connection, of which the later ones are answered earlier.
  async many() {
    const count = 100;
    const order = [];
    const one = async (ms) => {
      assert.strictEqual(await call("sleep", [java("long", ms)]), ms);
      order.push(ms);
    };
    await Promise.all(Array.from({ length: count }, (_, i) => one((count - i) * 5)));
    const overtaken = order.filter((ms, i) => i > 0 && ms > order[i - 1]).length;
    return { answers: order.length, in_order_of_the_calls: order[0] === count * 5 && overtaken === 0 };
  },
  async timeout() {
    const error = await failure("sleep", [java("long", 1500)], { responseTimeout: 200 });
    // The late answer, where one comes, must not disturb what follows.
    await echoes("echoString", "after");
    return error;
  },
  // sofa-rpc-node makes no one-way calls; the client of its codec's library does.
  async oneway() {
    const plain = new bolt.RpcClient({ logger: silent, address: url.parse(`bolt://${address}`) });
    await plain.ready();
    const note = `oneway ${process.hrtime.bigint()}`;
    plain.oneway({ serverSignature: `${SERVICE}:1.0`, methodName: "note", args: [note], requestProps: null, timeout: 3000 });
    const deadline = Date.now() + Number(options.timeout);
    let came = 0;
    while (came === 0 && Date.now() < deadline) came = await call("noted", [note]);
    assert.strictEqual(came, 1);
    await plain._close();
  },
  // A connection that was idle for longer than the library's limit sends a heartbeat and goes on.
  async heartbeat() {
    await echoes("echoString", "before");
    const kept = connection();
    let acks = 0;
    kept._decoder.on("heartbeat_ack", () => (acks += 1));
    for (let beats = 0; beats < 3; beats++) {
      await sleep(IDLE_MS + 50);
      kept.heartbeat();
    }
    // A server may answer calls earlier than heartbeats.
    for (const deadline = Date.now() + Number(options.timeout); acks < 3 && Date.now() < deadline; ) await echoes("echoString", "after");
    assert.strictEqual(connection(), kept, "the connection was lost");
    assert.strictEqual(acks, 3, `${acks} of 3 heartbeats were answered`);
    return acks;
  },
};

// So many calls, so many of them at once, and a count of how they ended.
async function load() {
  const calls = Number(options.calls);
  const payload = pattern(Number(options.size));
  const errors = {};
  let [next, good, slowest] = [0, 0, 0];
  tell({ event: "load", calls });
  const start = Date.now();
  const worker = async () => {
    while (next++ < calls) {
      const began = Date.now();
      try {
        const answer = await call("echoBytes", [payload]);
        if (!payload.equals(answer)) throw Object.assign(new Error("another call's answer"), { name: "WrongAnswer" });
        good += 1;
      } catch (error) {
        errors[error.name] = (errors[error.name] ?? 0) + 1;
      }
      slowest = Math.max(slowest, Date.now() - began);
    }
  };
  await Promise.all(Array.from({ length: Number(options["at-once"]) }, worker));
  const ms = Math.max(1, Date.now() - start);
  const ok = good === calls;
  tell({ case: "load", ok, calls, good, errors, slowest_ms: slowest, ms, per_second: Math.floor((calls * 1000) / ms) });
  return ok;
}

function tell(object) {
  process.stdout.write(`${JSON.stringify(object)}\n`);
}

async function run(name) {
  if (name === "load") return load();
  if (!cases[name]) throw new Error(`no case ${name}; there are ${Object.keys(cases)} and load`);
  const start = Date.now();
  try {
    const found = (await cases[name]()) ?? null;
    tell({ case: name, ok: true, found, ms: Date.now() - start });
    return true;
  } catch (error) {
    tell({ case: name, ok: false, error: error.name, message: error.message, ms: Date.now() - start });
    return false;
  }
}

(async () => {
  await consumer.ready();
  let well = true;
  for (const name of wanted.length ? wanted : Object.keys(cases)) well = (await run(name)) && well;
  process.exit(well ? 0 : 1);
})();
