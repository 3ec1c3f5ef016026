// Sends five orders to the order processor and waits until they are done.

import { setTimeout as pause } from "node:timers/promises";
import { DaprClient, HttpMethod } from "@dapr/dapr";

const PROCESSOR = "order-processor";
const ORDERS = ["apples", "pears", "plums", "figs", "nuts"].map((item, number) => ({ id: number + 1, item }));
const PATIENCE = 20_000;

// Makes the attempt until it gives something: the other application may still be starting, or be busy.
async function patiently(attempt) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      const result = await attempt();
      if (result) return result;
      if (Date.now() > deadline) throw new Error("the order processor took too long");
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await pause(100);
  }
}

const dapr = new DaprClient({ daprHost: "127.0.0.1", daprPort: process.env.DAPR_HTTP_PORT });
for (const order of ORDERS) {
  await patiently(() => dapr.invoker.invoke(PROCESSOR, "orders", HttpMethod.POST, order));
  console.log(`order ${order.id} accepted`);
}
for (const { id } of ORDERS) {
  await patiently(async () => (await dapr.invoker.invoke(PROCESSOR, `status?id=${id}`, HttpMethod.GET)).status);
}
console.log("all orders are processed");
await dapr.stop();
