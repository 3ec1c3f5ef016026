// Dapr's Node SDK as a child process of a scenario: reads a call from each line of standard input, makes it through the
// SDK, answers with a line. `node node_client.js http|grpc`.
"use strict";

const readline = require("node:readline");
const { DaprClient, CommunicationProtocolEnum } = require("@dapr/dapr");

const protocol = process.argv[2] === "grpc" ? CommunicationProtocolEnum.GRPC : CommunicationProtocolEnum.HTTP;
const ports = { [CommunicationProtocolEnum.GRPC]: process.env.DAPR_GRPC_PORT, [CommunicationProtocolEnum.HTTP]: process.env.DAPR_HTTP_PORT };
// Its log would stand between the answers.
const silent = { error() {}, warn() {}, info() {}, verbose() {}, debug() {} };
const client = new DaprClient({
  daprHost: "127.0.0.1",
  daprPort: ports[protocol],
  communicationProtocol: protocol,
  logger: { service: silent },
});

// What JSON has no words for: errors, the binary values of messages, 64-bit numbers.
function plain(_key, value) {
  if (value instanceof Error) return { message: value.message, name: value.name, code: value.code };
  if (value?.type === "Buffer") return Buffer.from(value.data).toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  return typeof value === "bigint" ? Number(value) : value;
}

// `state.save` is a method of the client's `state`.
async function answer({ call, args }) {
  const [block, method] = call.split(".");
  return client[block][method](...args);
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let reply;
    try {
      reply = { result: (await answer(JSON.parse(line))) ?? null };
    } catch (error) {
      reply = { error };
    }
    process.stdout.write(`${JSON.stringify(reply, plain)}\n`);
  }
  process.exit(0);
})();
