// A service on sofa-rpc-node: `com.shop.Greeter` at 127.0.0.1:12200, over SOFA Bolt and without a registry.
"use strict";

const { RpcServer } = require("sofa-rpc-node").server;

const server = new RpcServer({ logger: { ...console, info() {} }, port: 12200 });

server.addService(
  { interfaceName: "com.shop.Greeter" },
  {
    async hello(name) {
      return `hello, ${name}`;
    },
    async nap(ms) {
      await new Promise((woken) => setTimeout(woken, Number(ms)));
      return `slept for ${ms} ms`;
    },
    async fail(message) {
      throw new Error(message);
    },
  }
);

server.start().then(() => console.log("the greeter listens on 12200"));
