// The suite as a program: one run at one revision, and what each of its checks came to.

import { spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

const suite = join(process.env.KEYLEDGER_CLIENTS, "conformance/node_modules/@modelcontextprotocol/conformance");
export const { version } = JSON.parse(await readFile(join(suite, "package.json"), "utf8"));
const program = join(suite, "dist/index.js");

/** Runs it to its end; `onLine` is handed what it says. Answers its exit code. */
export function run(given, onLine = () => {}) {
  const child = spawn(process.execPath, [program, ...given], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (part) => {
    said += part;
    const lines = said.split("\n");
    said = lines.pop();
    lines.forEach((line) => onLine(line));
  });
  return new Promise((go) => child.on("close", go));
}

/** The server scenarios that this revision requires, and those that run without counting: scenario -> checks. */
export async function server(url, revision, folder) {
  await run(["server", "--url", url, "--requirements", revision, "--output-dir", folder]);
  return read(folder, "server-");
}

export async function read(folder, prefix) {
  const found = new Map();
  for (const name of (await readdir(folder)).sort()) {
    const scenario = name.slice(prefix.length).replace(/-\d{4}-\d\d-\d\dT.*$/, "");
    // A scenario that broke off has left nothing.
    const none = [{ id: `${scenario} runs`, status: "FAILURE", errorMessage: "the scenario broke off" }];
    const checks = await readFile(join(folder, name, "checks.json"), "utf8").then(JSON.parse, () => none);
    found.set(scenario, checks.map(({ id, status, errorMessage }) => ({ id, status, why: errorMessage })));
  }
  return found;
}

/** What a revision requires: the rest runs without counting. */
export async function required(revision) {
  const scenarios = new Set();
  let isServer = false;
  await run(["list", "--requirements", revision], (line) => {
    if (!line.startsWith(" ") && line.trim()) isServer = line.startsWith("Server scenarios");
    if (isServer && line.startsWith("  - ")) scenarios.add(line.slice(4).trim());
  });
  return scenarios;
}

/** Every scenario that the suite has for authorization servers. */
export async function offered() {
  const scenarios = [];
  await run(["list", "--authorization"], (line) => {
    if (line.startsWith("  - ")) scenarios.push(line.slice(4).split(" ")[0]);
  });
  return scenarios;
}
