// An application made with Dapr's Node SDK; APP_PROTOCOL says which of its two servers. It tells of every message that a
// handler is given, and answers calls of `echo` with what arrived.
"use strict";

const { DaprServer, CommunicationProtocolEnum, DaprPubSubStatusEnum, HttpMethod } = require("@dapr/dapr");

const grpc = process.env.APP_PROTOCOL === "grpc";
const silent = { error() {}, warn() {}, info() {}, verbose() {}, debug() {} };
const protocol = grpc ? CommunicationProtocolEnum.GRPC : CommunicationProtocolEnum.HTTP;
const server = new DaprServer({
  serverHost: "127.0.0.1",
  serverPort: process.env.APP_PORT,
  communicationProtocol: protocol,
  clientOptions: {
    daprHost: "127.0.0.1",
    daprPort: grpc ? process.env.DAPR_GRPC_PORT : process.env.DAPR_HTTP_PORT,
    communicationProtocol: protocol,
  },
  logger: { service: silent },
});

const SUBSCRIBED = "pubsub";

function tell(event, data) {
  process.stdout.write(`${JSON.stringify({ event, data })}\n`);
}

// A handler that tells of each event and answers with the next of these statuses, the last one from then on.
function handler(name, ...statuses) {
  return async (data) => {
    tell(name, data);
    return statuses.length > 1 ? statuses.shift() : statuses[0];
  };
}

async function subscribe({ pubsub }) {
  const { SUCCESS, RETRY, DROP } = DaprPubSubStatusEnum;
  await pubsub.subscribe(SUBSCRIBED, "plain", handler("plain"));
  await pubsub.subscribe(SUBSCRIBED, "retried", handler("retried", RETRY, SUCCESS), "/chosen");
  await pubsub.subscribe(SUBSCRIBED, "raw", handler("raw"), undefined, { rawPayload: true });
  await pubsub.subscribe(SUBSCRIBED, "letters", handler("letters"));
  await pubsub.subscribeWithOptions(SUBSCRIBED, "dropped", { callback: handler("dropped", DROP), deadLetterTopic: "letters" });

  const rules = [{ match: `event.type == "urgent"`, path: "urgent" }, { match: "event.data.size > 10", path: "large" }];
  await pubsub.subscribeWithOptions(SUBSCRIBED, "sorted", { route: { default: "usual", rules } });
  for (const route of ["usual", "urgent", "large"]) pubsub.subscribeToRoute(SUBSCRIBED, "sorted", route, handler(route));

  await pubsub.subscribeBulk(SUBSCRIBED, "bulk", handler("bulk"), { maxMessagesCount: 10, maxAwaitDurationMs: 50 });

  // A resource file leads this topic to `filed` instead.
  await pubsub.subscribeWithOptions(SUBSCRIBED, "declared", { route: { default: "coded", rules: [{ match: "false", path: "filed" }] } });
  for (const route of ["coded", "filed"]) pubsub.subscribeToRoute(SUBSCRIBED, "declared", route, handler(route));
}

async function listen({ invoker }) {
  for (const method of Object.values(HttpMethod)) {
    await invoker.listen("echo", async ({ body, query, metadata, headers }) => ({ method, body, query, metadata, headers }), { method });
  }
}

(async () => {
  await subscribe(server);
  await listen(server);
  await server.start();
  tell("started", null);
})();
