// A servant of TARS' own SDK for Node, `Mecha.Peers.EchoObj`: what a code generator would write for it is written here by
// hand, for packets of TARS (version 1) and of TUP (3).
//
//     node tars_server.js PORT ID
"use strict";

const { server, error } = require("@tars/rpc");
const stream = require("@tars/stream");

const [port, id] = process.argv.slice(2);
const notes = [];

// A function of the servant: takes its text, answers with a text or throws; `undefined` leaves the answer to a later call.
const functions = {
  echo: (current, text) => text,
  id: () => id,
  note: (current, text) => void notes.push(text) || "",
  notes: () => notes.join("\n"),
  // The context came with the request; the response carries it back.
  context: (current) => {
    const context = current.getContext().toObject();
    current.setResponseContext({ ...context, provider: id });
    return JSON.stringify(context);
  },
  sleep: (current, text) => {
    setTimeout(() => current.answer(text), Number(text));
  },
  payload: (current, text) => "x".repeat(Number(text)),
  fail: (current, text) => {
    throw Object.assign(new Error(text), { code: 77 });
  },
};

function Echo() {}
Echo.prototype.initialize = () => {};

Echo.prototype.onDispatch = function (current, name, bytes) {
  if (name === "tars_ping") {
    answer(current, "");
    return error.SUCCESS;
  }
  const call = functions[name];
  if (!call) return error.SERVER.FUNC_NOT_FOUND;
  current.answer = (text) => answer(current, text);
  const text = call(current, read(current, bytes));
  if (text !== undefined) answer(current, text);
  return error.SUCCESS;
};

const tup = (current) => current.getRequestVersion() !== 1;

function read(current, bytes) {
  if (!tup(current)) return new stream.TarsInputStream(bytes).readString(1, false, "");
  const attributes = new stream.UniAttribute();
  attributes.tupVersion = current.getRequestVersion();
  attributes.decode(bytes);
  return attributes.readString("text", "");
}

function answer(current, text) {
  if (tup(current)) {
    const attributes = new stream.UniAttribute();
    attributes.tupVersion = current.getRequestVersion();
    attributes.writeString("", text);
    current.doResponse(attributes.encode());
  } else {
    const output = new stream.TarsOutputStream();
    output.writeString(0, text);
    current.doResponse(output.getBinBuffer());
  }
}

server.createServer(Echo).start({
  endpoint: `tcp -h 127.0.0.1 -p ${port} -t 10000`,
  name: "Mecha.Peers.EchoObjAdapter",
  servant: "Mecha.Peers.EchoObj",
  maxconns: 1000,
  protocol: "tars",
  handleImp: Echo,
});
