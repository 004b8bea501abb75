// Tools and a prompt that ask the client for something while they work: by requests of their own with sessions
// (2025-11-25), by an answer that requires input without (2026-07-28, SEP-2322).

import { acceptedContent, createRequestStateCodec, fromJsonSchema, inputRequired, inputResponse } from "@modelcontextprotocol/server";
import { randomBytes } from "node:crypto";
import { text } from "./offer.mjs";

const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
/** What a round leaves for the next is signed, so that a client can't change it. */
export const states = createRequestStateCodec({ key: randomBytes(32) });

const form = (properties, required = Object.keys(properties)) => ({ type: "object", properties, required });
const said = (what) => ({ content: [text(what)] });
const elicit = (message, requestedSchema) => inputRequired.elicit({ message, requestedSchema });
const sample = (prompt, maxTokens) =>
  inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens });

export function askingTools(mcp) {
  withSessions(mcp);
  withoutSessions(mcp);
}

function withSessions(mcp) {
  mcp.registerTool("test_sampling", {
    description: "Asks the client's model",
    inputSchema: fromJsonSchema(form({ prompt: { type: "string" } })),
  }, async ({ prompt }, ctx) => {
    const messages = [{ role: "user", content: { type: "text", text: prompt } }];
    const answer = await ctx.mcpReq.requestSampling({ messages, maxTokens: 100 });
    return said(`LLM response: ${answer.content.text}`);
  });
  mcp.registerTool("test_elicitation", {
    description: "Asks the person",
    inputSchema: fromJsonSchema(form({ message: { type: "string" } })),
  }, async ({ message }, ctx) => {
    const fields = {
      username: { type: "string", description: "User's response" },
      email: { type: "string", description: "User's email address" },
    };
    const { action, content } = await ctx.mcpReq.elicitInput({ message, requestedSchema: form(fields) });
    return said(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`);
  });
  const forms = {
    test_elicitation_sep1034_defaults: {
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    },
    test_elicitation_sep1330_enums: {
      untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
      titledSingle: { type: "string", oneOf: titled("First Option", "Second Option", "Third Option") },
      legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option One", "Option Two", "Option Three"] },
      untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
      titledMulti: { type: "array", items: { anyOf: titled("First Choice", "Second Choice", "Third Choice") } },
    },
  };
  for (const [name, fields] of Object.entries(forms)) {
    mcp.registerTool(name, { description: "Asks by a form" }, async (ctx) => {
      const asked = { message: "Please fill in the form", requestedSchema: form(fields, []) };
      const { action, content } = await ctx.mcpReq.elicitInput(asked);
      return said(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`);
    });
  }
}

function titled(...titles) {
  return titles.map((title, at) => ({ const: `value${at + 1}`, title }));
}

/** Each is called with what came back (`had`) and the request's context, and answers or asks. */
const ASKING = {
  test_input_required_result_elicitation: (had) => {
    const name = acceptedContent(had, "user_name")?.name;
    return typeof name === "string" ? said(`Hello, ${name}!`) : ask({ user_name: NAME });
  },
  test_input_required_result_sampling: (had) => {
    const { kind, result } = inputResponse(had, "capital_question");
    if (kind === "sampling") return said(`The model says: ${result.content.text}`);
    return ask({ capital_question: sample("What is the capital of France?", 100) });
  },
  test_input_required_result_list_roots: (had) => {
    const { kind, roots } = inputResponse(had, "client_roots");
    if (kind === "roots") return said(`Roots: ${roots.map((root) => root.uri).join(", ")}`);
    return ask({ client_roots: inputRequired.listRoots() });
  },
  test_input_required_result_request_state: confirmed,
  test_input_required_result_tampered_state: confirmed,
  test_input_required_result_multiple_inputs: async (had, ctx) => {
    const kinds = ["user_name", "greeting", "client_roots"].map((key) => inputResponse(had, key).kind);
    const isAll = kinds.join(" ") === "elicit sampling roots" && ctx.mcpReq.requestState()?.tool === "multiple";
    if (isAll) return said("All three are there.");
    return ask({ user_name: NAME, greeting: sample("Generate a greeting", 50), client_roots: inputRequired.listRoots() },
      await states.mint({ tool: "multiple" }));
  },
  test_input_required_result_multi_round: async (had, ctx) => {
    const state = ctx.mcpReq.requestState();
    const name = acceptedContent(had, "step1")?.name;
    const color = acceptedContent(had, "step2")?.color;
    if (state?.round === 2 && color) return said(`${state.name} likes ${color}.`);
    if (state?.round === 1 && name) {
      const step2 = elicit("Step 2: What is your favorite color?", form({ color: { type: "string" } }));
      return ask({ step2 }, await states.mint({ round: 2, name }));
    }
    const step1 = elicit("Step 1: What is your name?", form({ name: { type: "string" } }));
    return ask({ step1 }, await states.mint({ round: 1 }));
  },
  // Asks for what this client said that it can do, and nothing else.
  test_input_required_result_capabilities: (had, ctx) => {
    const can = ctx.mcpReq.envelope?.[CAPABILITIES] ?? {};
    const asks = {};
    if (can.sampling) asks.greeting = sample("Generate a greeting", 50);
    if (can.elicitation) asks.user_name = NAME;
    if (can.roots) asks.client_roots = inputRequired.listRoots();
    const isAnswered = Object.keys(asks).every((key) => inputResponse(had, key).kind !== "missing");
    return isAnswered ? said("Nothing more is needed.") : ask(asks);
  },
  // Of a client that did not say that it can, the SDK refuses to ask it (-32021).
  test_missing_capability: (had) => {
    const { kind, result } = inputResponse(had, "greeting");
    return kind === "sampling" ? said(result.content.text) : ask({ greeting: sample("Generate a greeting", 50) });
  },
  test_streaming_elicitation: (had) => {
    const name = acceptedContent(had, "user_name")?.name;
    return name ? said(`Hello, ${name}!`) : ask({ user_name: NAME });
  },
};

const NAME = elicit("What is your name?", form({ name: { type: "string" } }));

function ask(inputRequests, requestState) {
  return inputRequired({ inputRequests, ...(requestState ? { requestState } : {}) });
}

async function confirmed(had, ctx) {
  const isOk = acceptedContent(had, "confirm")?.ok === true && ctx.mcpReq.requestState()?.tool === "confirm";
  if (isOk) return said("state-ok");
  return ask({ confirm: elicit("Please confirm", form({ ok: { type: "boolean" } })) }, await states.mint({ tool: "confirm" }));
}

function withoutSessions(mcp) {
  for (const [name, answer] of Object.entries(ASKING)) {
    mcp.registerTool(name, { description: "Asks before it answers" }, (ctx) => answer(ctx.mcpReq.inputResponses, ctx));
  }
  mcp.registerPrompt("test_input_required_result_prompt", { description: "Asks before it answers" }, (ctx) => {
    const context = acceptedContent(ctx.mcpReq.inputResponses, "user_context")?.context;
    if (context) return { messages: [{ role: "user", content: text(`In this context: ${context}`) }] };
    return ask({ user_context: elicit("What context should the prompt use?", form({ context: { type: "string" } })) });
  });
}
