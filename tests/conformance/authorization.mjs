// The suite's scenarios for authorization servers, against the gateway's own: the suite registers nothing and opens no
// browser, so a client is registered here, and the address that it prints is followed as a person would.

import { createServer } from "node:net";
import { signIn } from "../clients/oauth/browse.mjs";
import { offered, read, run } from "./suite.mjs";

async function freePort() {
  const server = createServer();
  await new Promise((go) => server.listen(0, "127.0.0.1", go));
  const { port } = server.address();
  await new Promise((go) => server.close(go));
  return port;
}

/** The address of the authorization server that stands first in the demo server's metadata, and that resource. */
async function discovered(gateway) {
  const url = new URL(gateway.facts.demo.url);
  const answer = await fetch(new URL(`/.well-known/oauth-protected-resource${url.pathname}`, url));
  if (!answer.ok) throw new Error(`the gateway has no protected resource metadata for ${url} (${answer.status})`);
  const { authorization_servers: [issuer], resource } = await answer.json();
  return { issuer, resource };
}

export async function authorization(gateway, folder) {
  const { issuer, resource } = await discovered(gateway);
  const port = await freePort();
  const metadata = await (await fetch(new URL("/.well-known/oauth-authorization-server", issuer))).json();
  const registered = await fetch(metadata.registration_endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "MCP conformance",
      redirect_uris: [`http://127.0.0.1:${port}/callback`],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    }),
  });
  const { client_id: client } = await registered.json();
  if (!client) throw new Error(`the client could not be registered (${registered.status})`);
  let followed;
  const given = ["authorization", "--url", issuer, "--client-id", client, "--resource", resource];
  await run([...given, "--port", String(port), "--output-dir", folder], (line) => {
    // It listens by the time that it prints this.
    if (line.startsWith("http")) followed = signIn(line, { user: "ada" });
  });
  await followed;
  const scenarios = await read(folder, "authorization-server-");
  const left = (await offered()).filter((scenario) => !scenarios.has(scenario));
  return { scenarios, left: left.map((scenario) => ({ scenario, why: "the suite did not run it" })) };
}
