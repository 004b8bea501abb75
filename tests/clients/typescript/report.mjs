// What both TypeScript client scripts share: the plan they are given and the lines they tell.
// The same plan and lines as `../python/report.py`, which describes them.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** Imports from where set-up installed the SDKs (KEYLEDGER_CLIENTS), which is not beside the scripts. */
export function sdk(name) {
  const require = createRequire(`${process.env.KEYLEDGER_CLIENTS}/typescript/`);
  return import(pathToFileURL(require.resolve(name)).href);
}

export function plan() {
  const [url, text] = process.argv.slice(2);
  return { url: new URL(url), mode: "auto", header: "authorization", list: true, calls: [], ...JSON.parse(text) };
}

export const keys = JSON.parse(process.env.KEYLEDGER_KEYS ?? "[]");

export function credential(chosen, key) {
  if (key === null) return {};
  return chosen.header === "x-api-key" ? { "X-API-Key": key } : { Authorization: `Bearer ${key}` };
}

export function tell(event, facts = {}) {
  console.log(JSON.stringify({ event, ...facts }));
}

/** The platform's fetch, telling what came over the wire, whatever the SDK makes of it. */
export async function seen(input, init) {
  const response = await fetch(input, init);
  tell("http", {
    method: init?.method ?? "GET",
    status: response.status,
    www_authenticate: response.headers.get("www-authenticate"),
  });
  return response;
}

export function refused(stage, error) {
  tell("refused", { stage, error: error.constructor.name, message: error.message });
}

/** Lists and calls as the plan says; `callTool(params, options)` is the SDK's. */
export async function follow(chosen, listTools, callTool) {
  let stage = "list";
  try {
    if (chosen.list) tell("tools", { names: (await listTools()).tools.map((tool) => tool.name) });
    for (const call of chosen.calls) {
      stage = "call";
      const started = performance.now();
      const ms = () => Math.round(performance.now() - started);
      const onprogress = ({ progress, message }) =>
        tell("progress", { tool: call.tool, at_ms: ms(), progress, message: message ?? null });
      const result = await callTool(
        { name: call.tool, arguments: call.arguments ?? {} },
        { timeout: 20_000, ...(call.progress ? { onprogress } : {}) },
      );
      const text = result.content.map((part) => part.text ?? "").join("");
      tell("result", { tool: call.tool, at_ms: ms(), is_error: result.isError === true, text });
    }
  } catch (error) {
    refused(stage, error);
  }
}
