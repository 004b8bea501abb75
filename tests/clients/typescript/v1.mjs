// The official TypeScript SDK, version 1 (@modelcontextprotocol/sdk), unmodified: protocol 2025-11-25.

import { credential, follow, keys, plan, refused, sdk, seen, tell } from "./report.mjs";

const { Client } = await sdk("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = await sdk("@modelcontextprotocol/sdk/client/streamableHttp.js");

const chosen = plan();
for (const key of keys) {
  tell("begin");
  const client = new Client({ name: "keyledger-test", version: "1" });
  const transport = new StreamableHTTPClientTransport(chosen.url, {
    fetch: seen,
    requestInit: { headers: credential(chosen, key) },
  });
  try {
    await client.connect(transport, { timeout: 20_000 });
    tell("connected", { protocol: transport.protocolVersion });
    await follow(
      chosen,
      () => client.listTools(),
      (params, options) => client.callTool(params, undefined, options),
    );
  } catch (error) {
    refused("connect", error);
  }
  await client.close();
}
