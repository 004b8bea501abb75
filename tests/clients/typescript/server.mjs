// The official TypeScript SDK's own Express server (createMcpExpressApp), unmodified, with the tools echo and wipe.
// One JSON object a line: its port, then each tool that is called. It ends when its standard input does.

import { createRequire } from "node:module";
import { sdk, tell } from "./report.mjs";

const { McpServer } = await sdk("@modelcontextprotocol/sdk/server/mcp.js");
const { StreamableHTTPServerTransport } = await sdk("@modelcontextprotocol/sdk/server/streamableHttp.js");
const { createMcpExpressApp } = await sdk("@modelcontextprotocol/sdk/server/express.js");
const { z } = createRequire(`${process.env.KEYLEDGER_CLIENTS}/typescript/`)("zod");

function server() {
  const mcp = new McpServer({ name: "keyledger-test", version: "1" });
  for (const tool of ["echo", "wipe"]) {
    mcp.registerTool(tool, { inputSchema: { text: z.string() } }, ({ text }) => {
      tell("called", { tool, text });
      return { content: [{ type: "text", text: `${tool}: ${text}` }] };
    });
  }
  return mcp;
}

const app = createMcpExpressApp();
app.post("/mcp", async (request, response) => {
  // Without sessions: each request stands alone.
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  await server().connect(transport);
  await transport.handleRequest(request, response, request.body);
});
const listening = app.listen(0, "127.0.0.1", () => tell("listening", { port: listening.address().port }));
process.stdin.on("end", () => process.exit()).resume();
