// The official TypeScript SDK, version 2 (@modelcontextprotocol/client), unmodified: protocol 2026-07-28,
// or an older revision where the plan's mode is "legacy".

import { credential, follow, keys, plan, refused, sdk, seen, tell } from "./report.mjs";

const { Client, StreamableHTTPClientTransport } = await sdk("@modelcontextprotocol/client");

const chosen = plan();
const mode = /^\d/.test(chosen.mode) ? { pin: chosen.mode } : chosen.mode;
for (const key of keys) {
  tell("begin");
  const client = new Client({ name: "keyledger-test", version: "1" }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(chosen.url, {
    fetch: seen,
    requestInit: { headers: credential(chosen, key) },
  });
  try {
    await client.connect(transport, { timeout: 20_000 });
    tell("connected", { protocol: client.getNegotiatedProtocolVersion() });
    await follow(
      chosen,
      () => client.listTools(),
      (params, options) => client.callTool(params, options),
    );
  } catch (error) {
    refused("connect", error);
  }
  await client.close();
}
