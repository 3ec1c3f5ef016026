// Takes orders, works on them, and remembers what became of each.

import { DaprServer, HttpMethod } from "@dapr/dapr";

const server = new DaprServer({
  serverHost: "127.0.0.1",
  serverPort: process.env.APP_PORT,
  clientOptions: { daprHost: "127.0.0.1", daprPort: process.env.DAPR_HTTP_PORT },
});
const dapr = server.client;

// Called by checkout. The order is on disk before it is accepted, and is worked on afterwards.
await server.invoker.listen(
  "orders",
  async ({ body }) => {
    const order = JSON.parse(body);
    const { error } = await dapr.pubsub.publish("pubsub", "orders", order);
    if (error) throw error;
    return { accepted: order.id };
  },
  { method: HttpMethod.POST },
);

// A message of the topic. If this throws, or the process dies, the message comes again.
await server.pubsub.subscribe("pubsub", "orders", async (order) => {
  await dapr.state.save("statestore", [{ key: `order-${order.id}`, value: { ...order, status: "processed" } }]);
  console.log(`processed order ${order.id}`);
});

// What is known about an order; nothing before it is processed.
await server.invoker.listen(
  "status",
  async ({ query }) => {
    const id = new URLSearchParams(query.slice(query.indexOf("?"))).get("id");
    return (await dapr.state.get("statestore", `order-${id}`)) || {};
  },
  { method: HttpMethod.GET },
);

await server.start();
