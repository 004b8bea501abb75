// The official TypeScript SDK's own OAuth, unmodified, in both of its lines: `SCRIPT URL PLAN`, plan and lines as in
// `../python/signing_in.py`; a key stands beside the OAuth as there. The plan's `sdk` says which: 1 (@modelcontextprotocol/sdk) or 2 (@modelcontextprotocol/client).

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { credential, follow, keys, plan, refused, sdk, seen, tell } from "./report.mjs";

const chosen = { sdk: 2, person: "ada", callback_path: "/callback", ...plan() };
const browse = fileURLToPath(new URL("../oauth/browse.mjs", import.meta.url));

/** Where people are sent back to, once after the other. */
async function callback(path) {
  const came = [];
  const waiting = [];
  const server = createServer((request, answer) => {
    const url = new URL(request.url, "http://127.0.0.1");
    answer.setHeader("content-type", "text/html").end("<h1>Done</h1>");
    if (url.pathname !== path) return;
    const next = waiting.shift();
    if (next) next(url.searchParams);
    else came.push(url.searchParams);
  });
  await new Promise((go) => server.listen(0, "127.0.0.1", go));
  const next = () => {
    if (came.length) return Promise.resolve(came.shift());
    return new Promise((go, no) => {
      waiting.push(go);
      setTimeout(() => no(new Error("nobody came back within 60 s")), 60_000).unref();
    });
  };
  return { address: `http://127.0.0.1:${server.address().port}${path}`, next, close: () => server.close() };
}

const back = await callback(chosen.callback_path);
const kept = { client: chosen.client && { client_id: chosen.client.id, client_secret: chosen.client.secret } };
const provider = {
  redirectUrl: back.address,
  clientMetadataUrl: chosen.document,
  clientMetadata: {
    client_name: "Keyledger's tests",
    redirect_uris: [back.address],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    ...(chosen.scope ? { scope: chosen.scope } : {}),
  },
  state: () => (kept.state = crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => {
    kept.client = client;
    tell("registered", { client_id: client.client_id });
  },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => {
    kept.tokens = tokens;
    const { scope, expires_in, refresh_token } = tokens;
    tell("tokens", { scope, expires_in, refresh: refresh_token !== undefined });
  },
  redirectToAuthorization: (url) => {
    tell("opened", { url: url.href });
    const env = { ...process.env, KEYLEDGER_PERSON: chosen.person };
    spawn(process.execPath, [browse, url.href], { env, stdio: ["ignore", "ignore", "inherit"] });
  },
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => void (kept.discovery = state),
  discoveryState: () => kept.discovery,
  invalidateCredentials: (what) => {
    if (what === "all" || what === "client") delete kept.client;
    if (what === "all" || what === "tokens") delete kept.tokens;
    if (what === "all" || what === "discovery") delete kept.discovery;
  },
};

const first = chosen.sdk === 1;
const { Client } = await sdk(first ? "@modelcontextprotocol/sdk/client/index.js" : "@modelcontextprotocol/client");
const { StreamableHTTPClientTransport } = await sdk(
  first ? "@modelcontextprotocol/sdk/client/streamableHttp.js" : "@modelcontextprotocol/client",
);
const { UnauthorizedError } = await sdk(first ? "@modelcontextprotocol/sdk/client/auth.js" : "@modelcontextprotocol/client");

// A client that could sign in, and was given a key.
const requestInit = { headers: credential(chosen, keys[0] ?? null) };
const transport = () => new StreamableHTTPClientTransport(chosen.url, { authProvider: provider, fetch: seen, requestInit });

/** The SDK asks for the redirect and gives up; who uses it comes back with the code. */
async function afterSignIn(current) {
  const query = await back.next();
  if (query.has("error")) throw new Error(`sent back with ${query}`);
  if (query.get("state") !== kept.state) throw new Error("another state came back");
  await current.finishAuth(first ? query.get("code") : query);
}

async function connected() {
  const negotiation = chosen.mode === "legacy" || first ? {} : { versionNegotiation: { mode: chosen.mode } };
  for (let tries = 0; ; tries += 1) {
    const client = new Client({ name: "keyledger-test", version: "1" }, negotiation);
    const current = transport();
    try {
      await client.connect(current, { timeout: 30_000 });
      tell("connected", { protocol: current.protocolVersion });
      return { client, current };
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || tries > 0) throw error;
      await afterSignIn(current);
    }
  }
}

try {
  const { client, current } = await connected();
  const call = async (params, options) => {
    // Taken for expired: the server's 401 starts the refresh.
    if (chosen.refresh) kept.tokens = { ...kept.tokens, access_token: "of-yesterday" };
    const once = () => (first ? client.callTool(params, undefined, options) : client.callTool(params, options));
    return once().catch(async (error) => {
      // A step-up that needs the person.
      if (!(error instanceof UnauthorizedError)) throw error;
      await afterSignIn(current);
      return once();
    });
  };
  await follow(chosen, () => client.listTools(), call);
  await client.close();
} catch (error) {
  refused("connect", error);
}
back.close();
process.exit();
