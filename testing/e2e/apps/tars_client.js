// TARS' own SDK for Node as a client of the servant in tars_server.js: makes the calls of named cases, and tells of each
// on a line of JSON whether it went as it should.
//
//     node tars_client.js PORT CASE...
"use strict";

const { Communicator, client } = require("@tars/rpc");
const stream = require("@tars/stream");

const [port, ...names] = process.argv.slice(2);

function Proxy() {}
const servant = `Mecha.Peers.EchoObj@tcp -h 127.0.0.1 -p ${port} -t 60000`;
const tars = client.stringToProxy(Proxy, servant)._worker;
// The SDK keeps one form of packet for a servant: TUP has a communicator of its own.
const tup = Communicator.New().stringToProxy(Proxy, servant)._worker;
tup.version = 3;

// Calls a function; the answer's text and its context.
async function call(name, text, property = {}) {
  const output = new stream.TarsOutputStream();
  output.writeString(1, text);
  const { response } = await answered(tars.tars_invoke(name, output.getBinBuffer(), property));
  return { text: new stream.TarsInputStream(response.sBuffer).readString(0, false, ""), context: response.context.toObject() };
}

async function callAsTup(name, text) {
  const attributes = new stream.UniAttribute();
  attributes.tupVersion = 3;
  attributes.writeString("text", text);
  return (await answered(tup.tup_invoke(name, attributes))).response.tup.readString("", "");
}

// What the SDK rejects with is no `Error` by itself.
async function answered(promise) {
  try {
    return await promise;
  } catch (thrown) {
    if (thrown.error?.code === undefined) throw thrown;
    throw Object.assign(new Error(`${thrown.error.code} ${thrown.error.message}`), { code: thrown.error.code });
  }
}

function same(what, wanted, got) {
  if (wanted !== got) throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
}

async function code(wanted, what) {
  try {
    await what;
  } catch (thrown) {
    return same("the code", wanted, thrown.code);
  }
  throw new Error(`no error ${wanted}`);
}

const cases = {
  echo: async () => {
    for (const text of ["hello", "", "日本 ☃ 😀"]) same("the text", text, (await call("echo", text)).text);
  },
  id: async () => (await call("id", "")).text,
  context: async () => {
    const { text, context } = await call("context", "", { context: { "trace-id": "00-4bf92f", "echo-one": "1" } });
    same("trace-id at the servant", "00-4bf92f", JSON.parse(text)["trace-id"]);
    same("echo-one in the response", "1", context["echo-one"]);
    return context.provider;
  },
  large: async () => same("its length", 1 << 20, (await call("echo", "x".repeat(1 << 20))).text.length),
  parallel: async () => {
    const order = [];
    const one = async (millis) => order.push(Number((await call("sleep", String(millis))).text));
    await Promise.all([400, 300, 200, 100].map(one));
    same("the order of the answers", "100,200,300,400", order.join());
  },
  oneway: async () => {
    const text = `note ${process.hrtime.bigint()}`;
    // The SDK waits for no answer, and says nothing.
    call("note", text, { packetType: 1 }).catch(() => {});
    for (let tries = 0; tries < 100; tries++) {
      if ((await call("notes", "")).text.split("\n").includes(text)) return "arrived";
      await new Promise((wake) => setTimeout(wake, 20));
    }
    throw new Error("the note has not arrived");
  },
  // What a ping is answered with has no meaning.
  ping: async () => void (await answered(tars.tars_invoke("tars_ping", new stream.TarsOutputStream().getBinBuffer(), {}))),
  "no-function": () => code(-3, call("nothing", "")),
  fail: () => code(77, call("fail", "broken")),
  tup: async () => same("the text", "by TUP", await callAsTup("echo", "by TUP")),
};

async function main() {
  for (const name of names) {
    const start = Date.now();
    let told;
    try {
      told = { ok: true, detail: (await cases[name]()) ?? "" };
    } catch (thrown) {
      told = { ok: false, detail: String(thrown?.stack ?? JSON.stringify(thrown)), code: thrown?.code };
    }
    console.log(JSON.stringify({ case: name, ...told, ms: Date.now() - start }));
  }
  process.exit(0);
}

main();
