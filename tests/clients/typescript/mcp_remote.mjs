// mcp-remote, unmodified: a client that speaks stdio alone, led to a server behind OAuth. `SCRIPT URL PLAN`, plan and lines as
// in `../python/signing_in.py`; the browser that it opens (BROWSER) is ours.

import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { follow, plan, refused, tell } from "./report.mjs";

const chosen = { person: "ada", ...plan() };
const installed = join(process.env.KEYLEDGER_CLIENTS, "mcp-remote");
const program = createRequire(`${installed}/`).resolve("mcp-remote/package.json").replace(/package\.json$/, "dist/proxy.js");
const browse = fileURLToPath(new URL("../oauth/browse.mjs", import.meta.url));
const home = await mkdtemp(join(tmpdir(), "keyledger-mcp-remote-"));
const opener = join(home, "browser");
await writeFile(opener, `#!/bin/sh\n"${process.execPath}" "${browse}" "$1" >&2 &\n`);
await chmod(opener, 0o755);

const given = [program, chosen.url.href, "--allow-http", "--transport", "http-only"];
if (chosen.client) given.push("--static-oauth-client-info", JSON.stringify({ client_id: chosen.client.id, client_secret: chosen.client.secret }));
const env = { ...process.env, BROWSER: opener, MCP_REMOTE_CONFIG_DIR: home, HOME: home, KEYLEDGER_PERSON: chosen.person };
const child = spawn(process.execPath, given, { env, stdio: ["pipe", "pipe", "pipe"] });
const waiting = new Map();
createInterface({ input: child.stderr }).on("line", (line) => {
  const opened = line.match(/https?:\S*[?&]code_challenge=\S*/);
  if (opened) tell("opened", { url: opened[0] });
  else console.error(line);
});
createInterface({ input: child.stdout }).on("line", (line) => {
  const message = JSON.parse(line);
  waiting.get(message.id)?.(message);
});

let last = 0;
function ask(method, params) {
  const id = (last += 1);
  const answered = new Promise((go, no) => {
    waiting.set(id, go);
    setTimeout(() => no(new Error(`${method} was not answered within 90 s`)), 90_000).unref();
    child.on("exit", (code) => no(new Error(`mcp-remote has ended (${code})`)));
  });
  child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  return answered.then(({ result, error }) => {
    if (error) throw Object.assign(new Error(error.message), { code: error.code });
    return result;
  });
}

/** Where it keeps its tokens, from which it reads them before each request. */
async function stored() {
  const names = await readdir(home, { recursive: true });
  return join(home, names.find((name) => name.endsWith("tokens.json")));
}

async function tellTokens() {
  const { scope, expires_in, refresh_token, access_token } = JSON.parse(await readFile(await stored(), "utf8"));
  if (access_token !== told) tell("tokens", { scope, expires_in, refresh: refresh_token !== undefined });
  told = access_token;
}

let told;
async function call(params) {
  if (chosen.refresh) {
    const tokens = JSON.parse(await readFile(await stored(), "utf8"));
    await writeFile(await stored(), JSON.stringify({ ...tokens, expires_at: 1 }));
  }
  const result = await ask("tools/call", params);
  await tellTokens();
  return result;
}

try {
  const about = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "keyledger-test", version: "1" } };
  const { protocolVersion } = await ask("initialize", about);
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  tell("connected", { protocol: protocolVersion });
  await tellTokens();
  await follow(chosen, () => ask("tools/list", {}), call);
} catch (error) {
  refused("connect", error);
}
child.removeAllListeners("exit");
child.kill();
await rm(home, { recursive: true });
process.exit();
