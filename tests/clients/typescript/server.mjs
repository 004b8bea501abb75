// The official TypeScript SDK's own Express server (createMcpExpressApp), unmodified, with the tools echo and wipe, and
// slow, which makes a task (2025-11-25): it is done at once, or never when its text is "never".
// One JSON object a line: its port, then each tool that is called. It ends when its standard input does.

import { createRequire } from "node:module";
import { sdk, tell } from "./report.mjs";

const { McpServer } = await sdk("@modelcontextprotocol/sdk/server/mcp.js");
const { StreamableHTTPServerTransport } = await sdk("@modelcontextprotocol/sdk/server/streamableHttp.js");
const { createMcpExpressApp } = await sdk("@modelcontextprotocol/sdk/server/express.js");
const { InMemoryTaskStore, InMemoryTaskMessageQueue } = await sdk(
  "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js",
);
const { z } = createRequire(`${process.env.KEYLEDGER_CLIENTS}/typescript/`)("zod");

const tasks = {
  taskStore: new InMemoryTaskStore(),
  taskMessageQueue: new InMemoryTaskMessageQueue(),
  capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
};

const slow = {
  async createTask({ text }, { taskStore, taskRequestedTtl }) {
    const task = await taskStore.createTask({ ttl: taskRequestedTtl ?? 60_000 });
    const result = { content: [{ type: "text", text: `slow: ${text}` }] };
    if (text !== "never") await taskStore.storeTaskResult(task.taskId, "completed", result);
    return { task };
  },
  getTask: (_, { taskId, taskStore }) => taskStore.getTask(taskId),
  getTaskResult: (_, { taskId, taskStore }) => taskStore.getTaskResult(taskId),
};

function server() {
  const mcp = new McpServer({ name: "keyledger-test", version: "1" }, tasks);
  for (const tool of ["echo", "wipe"]) {
    mcp.registerTool(tool, { inputSchema: { text: z.string() } }, ({ text }) => {
      tell("called", { tool, text });
      return { content: [{ type: "text", text: `${tool}: ${text}` }] };
    });
  }
  const described = { inputSchema: { text: z.string() }, execution: { taskSupport: "required" } };
  mcp.experimental.tasks.registerToolTask("slow", described, slow);
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
