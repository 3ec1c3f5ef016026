// Calls methods of `com.shop.Greeter` and prints what they answer: `node client.js HOST:PORT METHOD ARGUMENT...`, a call for
// each argument, all of them at once over one connection.
"use strict";

const { RpcClient } = require("sofa-rpc-node").client;

const [serverHost, method, ...args] = process.argv.slice(2);
const silent = { error() {}, warn() {}, info() {}, debug() {} };

async function main() {
  const client = new RpcClient({ logger: silent });
  const greeter = client.createConsumer({ interfaceName: "com.shop.Greeter", serverHost, responseTimeout: 2000 });
  await greeter.ready();
  const calls = args.map(async (argument) => {
    try {
      console.log(await greeter.invoke(method, [argument]));
    } catch (error) {
      console.log(`${error.name}: ${error.message}`);
    }
  });
  await Promise.all(calls);
  process.exit(0);
}

main();
