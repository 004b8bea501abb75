// The reference server: the official TypeScript SDK's own server, unmodified, at 2026-07-28 without sessions and at
// 2025-11-25 with them, on one address. It prints one line of JSON with its port, and ends when its standard input does.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  McpServer,
  WebStandardStreamableHTTPServerTransport,
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import { offer, offerWithSessions } from "./offer.mjs";
import { states } from "./asks.mjs";

const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
};

function server(capabilities) {
  const about = { name: "keyledger-reference", version: "1" };
  const mcp = new McpServer(about, { capabilities, requestState: { verify: states.verify } });
  offer(mcp, { toolsChanged: () => modern.notify.toolsChanged(), promptsChanged: () => modern.notify.promptsChanged() });
  return mcp;
}

const modern = createMcpHandler(() => server(CAPABILITIES), { legacy: "reject" });

/** What was sent on each stream, so that whoever comes back gets the rest. */
class Events {
  #sent = new Map();
  async storeEvent(stream, message) {
    const id = `${stream}_${this.#sent.size}`;
    this.#sent.set(id, { stream, message });
    return id;
  }
  async getStreamIdForEventId(id) {
    return this.#sent.get(id)?.stream;
  }
  async replayEventsAfter(last, { send }) {
    const { stream } = this.#sent.get(last) ?? {};
    let isAfter = false;
    for (const [id, event] of this.#sent) {
      if (isAfter && event.stream === stream && Object.keys(event.message).length) await send(id, event.message);
      isAfter ||= id === last;
    }
    return stream;
  }
}

const sessions = new Map();

async function withSessions(request) {
  const id = request.headers.get("mcp-session-id");
  const open = sessions.get(id);
  if (open) return open.handleRequest(request);
  if (id) return refused(404, -32001, "Session not found");
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    eventStore: new Events(),
    retryInterval: 500,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  const mcp = server({ ...CAPABILITIES, resources: { listChanged: true, subscribe: true } });
  offerWithSessions(mcp);
  await mcp.connect(transport);
  return transport.handleRequest(request);
}

function refused(status, code, message) {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code, message } }, { status });
}

async function answer(request) {
  // A page of a browser that was led here by a name of its own is refused.
  const stranger =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins());
  if (stranger) return stranger;
  if (new URL(request.url).pathname !== "/mcp") return new Response("there is /mcp alone", { status: 404 });
  return (await isLegacyRequest(request)) ? withSessions(request) : modern.fetch(request);
}

const http = createServer(toNodeHandler({ fetch: answer }));
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port })));
process.stdin.on("end", () => process.exit()).resume();
