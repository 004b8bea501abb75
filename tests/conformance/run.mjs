// `just conformance`: MCP's conformance suite against the reference server directly, and through the gateway with an API
// key. What the gateway scores must be what the server scores. The tables are written into docs/conformance.md.
//
//   node run.mjs KEYLEDGER [--authorization]

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { authorization } from "./authorization.mjs";
import { dev, started } from "./processes.mjs";
import { document, differences } from "./report.mjs";
import { required, server } from "./suite.mjs";
import { withKey } from "./with_key.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const REVISIONS = ["2026-07-28", "2025-11-25"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { authorization: { type: "boolean" }, write: { type: "string" } },
});
const [keyledger] = positionals;
const folder = await mkdtemp(join(tmpdir(), "keyledger-conformance-"));
const reference = await started(process.execPath, ...process.execArgv, join(here, "server.mjs"));
const upstream = `http://127.0.0.1:${reference.told.port}/mcp`;
const gateway = await dev(keyledger, join(folder, "dev"));
let before;
try {
  const { organization } = gateway.facts.demo;
  await gateway.cli("servers", "register", "conformance", "--upstream", upstream, "--organization", organization);
  const issued = ["--scope", "mcp:conformance", "--organization", organization, "--wait", "fleet"];
  const { secret } = await gateway.cli("keys", "issue", "conformance", ...issued);
  before = await withKey(gateway.facts.public_url, secret);
  const path = new URL(gateway.facts.demo.url).pathname.replace(/[^/]*$/, "conformance");
  const through = `http://127.0.0.1:${before.port}${path}`;
  const runs = [];
  for (const revision of REVISIONS) {
    runs.push({
      revision,
      required: await required(revision),
      direct: await server(upstream, revision, join(folder, `direct-${revision}`)),
      through: await server(through, revision, join(folder, `through-${revision}`)),
    });
  }
  const signIn = values.authorization ? await authorization(gateway, join(folder, "authorization")) : undefined;
  if (values.write) await writeFile(values.write, document(runs, signIn));
  const found = runs.flatMap(differences);
  const checks = [...(signIn?.scenarios.values() ?? [])].flat().filter((check) => check.status !== "INFO");
  const refused = checks.filter((check) => check.status !== "SUCCESS");
  for (const { scenario, why } of signIn?.left ?? []) refused.push({ id: scenario, why });
  for (const line of [...found, ...refused.map(({ id, why }) => `authorization: ${id}: ${why}`)]) console.log(line);
  process.exitCode = found.length + refused.length ? 1 : 0;
} finally {
  before?.close();
  reference.end();
  await gateway.end();
  await rm(folder, { recursive: true });
}
process.exit();
