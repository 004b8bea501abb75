// What the reference server offers: each tool, resource and prompt that the suite's server scenarios call, by the names
// and with the answers that their descriptions ask for (`conformance list --server`).

import { ResourceTemplate, fromJsonSchema } from "@modelcontextprotocol/server";
import { askingTools } from "./asks.mjs";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
const CHANGES = 50; // milliseconds between two messages of one call

export const text = (said) => ({ type: "text", text: said });
const image = { type: "image", data: PIXEL, mimeType: "image/png" };
const embedded = (uri, mimeType, said) => ({ type: "resource", resource: { uri, mimeType, text: said } });
const user = (content) => ({ role: "user", content });
const pause = () => new Promise((go) => setTimeout(go, CHANGES));

const strings = (...names) =>
  fromJsonSchema({
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
    required: names,
  });

// Keywords of JSON Schema 2020-12 that a list must keep (SEP-1613, SEP-2106).
const SCHEMA_2020_12 = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

/** `changes` tells open subscriptions of 2026-07-28 that something has changed. */
export function offer(mcp, changes) {
  tools(mcp, changes);
  askingTools(mcp);
  resources(mcp);
  prompts(mcp);
  mcp.server.setRequestHandler("completion/complete", () => ({ completion: { values: ["paris", "park"], total: 2, hasMore: false } }));
}

/** What only the revisions with sessions have. */
export function offerWithSessions(mcp) {
  for (const method of ["resources/subscribe", "resources/unsubscribe"]) {
    mcp.server.setRequestHandler(method, () => ({}));
  }
}

function tools(mcp, changes) {
  const answers = {
    test_simple_text: [text("This is a simple text response for testing.")],
    test_image_content: [image],
    test_audio_content: [{ type: "audio", data: SILENCE, mimeType: "audio/wav" }],
    test_embedded_resource: [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")],
    test_multiple_content_types: [
      text("Multiple content types test:"),
      image,
      embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
  };
  for (const [name, content] of Object.entries(answers)) {
    mcp.registerTool(name, { description: `Answers as ${name} has to` }, () => ({ content }));
  }
  mcp.registerTool("test_error_handling", { description: "Fails" }, () => ({
    content: [text("This tool intentionally returns an error for testing")],
    isError: true,
  }));
  mcp.registerTool("test_tool_with_logging", { description: "Logs while it works" }, async (ctx) => {
    for (const said of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await ctx.mcpReq.log("info", said);
      await pause();
    }
    return { content: [text("logged")] };
  });
  mcp.registerTool("test_tool_with_progress", { description: "Tells how far it is" }, async (ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
      }
      await pause();
    }
    return { content: [text("done")] };
  });
  mcp.registerTool("json_schema_2020_12_tool", {
    description: "Tool with JSON Schema 2020-12 features",
    inputSchema: fromJsonSchema(SCHEMA_2020_12),
  }, (given) => ({ content: [text(JSON.stringify(given))] }));
  // Its stream is closed while it works; the answer is had by coming back (SEP-1699).
  mcp.registerTool("test_reconnection", { description: "Closes its stream" }, async (ctx) => {
    ctx.http?.closeSSE?.();
    await pause();
    return { content: [text("Reconnection test completed successfully.")] };
  });

  // Of 2026-07-28.
  mcp.registerTool("test_logging_tool", { description: "Logs for whoever asked for it" }, async (ctx) => {
    await ctx.mcpReq.log("info", "only with a level");
    return { content: [text("logged, where it was asked for")] };
  });
  mcp.registerTool("test_trigger_tool_change", { description: "The tools change" }, () => {
    changes.toolsChanged();
    return { content: [text("changed")] };
  });
  mcp.registerTool("test_trigger_prompt_change", { description: "The prompts change" }, () => {
    changes.promptsChanged();
    return { content: [text("changed")] };
  });
  mcp.registerTool("test_mirrored", {
    description: "An argument that stands in a header too (SEP-2243)",
    inputSchema: fromJsonSchema({
      type: "object",
      properties: { region: { type: "string", "x-mcp-header": "Region" } },
      required: ["region"],
    }),
  }, ({ region }) => ({ content: [text(region)] }));
}

function resources(mcp) {
  const one = (uri, mimeType, what) => ({ contents: [{ uri, mimeType, ...what }] });
  mcp.registerResource("static-text", "test://static-text", { mimeType: "text/plain" }, () =>
    one("test://static-text", "text/plain", { text: "This is the content of the static text resource." }));
  mcp.registerResource("static-binary", "test://static-binary", { mimeType: "image/png" }, () =>
    one("test://static-binary", "image/png", { blob: PIXEL }));
  mcp.registerResource("watched-resource", "test://watched-resource", { mimeType: "text/plain" }, () =>
    one("test://watched-resource", "text/plain", { text: "Watched resource content" }));
  const template = new ResourceTemplate("test://template/{id}/data", { list: undefined });
  mcp.registerResource("template", template, { mimeType: "application/json" }, (uri, { id }) =>
    one(uri.href, "application/json", { text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }));
}

function prompts(mcp) {
  mcp.registerPrompt("test_simple_prompt", { description: "A prompt" }, () => ({
    messages: [user(text("This is a simple prompt for testing."))],
  }));
  mcp.registerPrompt("test_prompt_with_arguments", {
    description: "A prompt with arguments",
    argsSchema: strings("arg1", "arg2"),
  }, ({ arg1, arg2 }) => ({ messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))] }));
  mcp.registerPrompt("test_prompt_with_embedded_resource", {
    description: "A prompt with a resource",
    argsSchema: strings("resourceUri"),
  }, ({ resourceUri }) => ({
    messages: [
      user(embedded(resourceUri, "text/plain", "Embedded resource content for testing.")),
      user(text("Please process the embedded resource above.")),
    ],
  }));
  mcp.registerPrompt("test_prompt_with_image", { description: "A prompt with an image" }, () => ({
    messages: [user(image), user(text("Please analyze the image above."))],
  }));
}
