// What the runs came to, as docs/conformance.md tells it.

import { version } from "./suite.mjs";

const COUNTED = ["SUCCESS", "FAILURE", "WARNING", "SKIPPED"];
const WORDS = { SUCCESS: "passed", FAILURE: "failed", WARNING: "warned", SKIPPED: "skipped" };

const count = (checks = []) => {
  const told = COUNTED.map((status) => [checks.filter((check) => check.status === status).length, WORDS[status]]);
  return told.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`).join(", ") || "nothing to check";
};

/** Each check of a scenario that comes to something else through the gateway, in words. */
export function differences({ revision, direct, through }) {
  const found = [];
  for (const scenario of new Set([...direct.keys(), ...through.keys()])) {
    const [here, there] = [direct, through].map((run) => statuses(run.get(scenario)));
    for (const id of new Set([...here.keys(), ...there.keys()])) {
      const [was, is] = [here.get(id)?.status, there.get(id)?.status];
      if (was !== is) found.push(`${revision} ${scenario}: ${id}: directly ${was}, through the gateway ${is}: ${there.get(id)?.why}`);
    }
  }
  return found;
}

/** Of checks with one id, the one that came off worst; those that only inform are left out. */
function statuses(checks = []) {
  const worst = new Map();
  const rank = (status) => ["SUCCESS", "SKIPPED", "WARNING", "FAILURE"].indexOf(status);
  for (const check of checks) {
    if (rank(check.status) < 0) continue;
    if (!worst.has(check.id) || rank(worst.get(check.id).status) < rank(check.status)) worst.set(check.id, check);
  }
  return worst;
}

function table({ revision, required, direct, through }) {
  const row = (scenario) => {
    const name = required.has(scenario) ? scenario : `${scenario} *`;
    return `| ${name} | ${count(direct.get(scenario))} | ${count(through.get(scenario))} |`;
  };
  const scenarios = [...direct.keys()].sort((a, b) => required.has(b) - required.has(a) || a.localeCompare(b));
  return [`## ${revision}`, "", "| scenario | directly | through the gateway |", "|---|---|---|", ...scenarios.map(row), ""];
}

/** Of each scenario of an authorization server what it came to; one that was not run says why. */
function signInTable({ scenarios, left }) {
  const row = ([scenario, checks]) => `| ${scenario} | ${count(checks)} |`;
  return [
    "## Authorization server",
    "",
    "Against the gateway's own authorization server: a client that has registered itself and a person of the local provider's. The address that",
    "the suite prints is followed without a browser (`tests/clients/oauth/browse.mjs`).",
    "",
    "| scenario | |",
    "|---|---|",
    ...[...scenarios].map(row),
    ...left.map(({ scenario, why }) => `| ${scenario} | not run: ${why} |`),
    "",
    "The suite's scenarios `auth/…` are about clients, not about an authorization server: the suite plays the server in them. They are the clients'",
    "own to pass.",
    "",
  ];
}

export function document(runs, signIn) {
  const found = runs.flatMap(differences);
  const lines = [
    "# MCP conformance",
    "",
    `Written by \`just conformance\`, with \`@modelcontextprotocol/conformance\` ${version}. Its server scenarios are run against a`,
    "reference server on the official TypeScript SDK (`tests/conformance/server.mjs`), directly and through a gateway with an API",
    "key. What is scored through the gateway is to be what is scored directly, check by check.",
    "",
    found.length ? "What differs:" : "Nothing differs.",
    "",
    ...found.map((line) => `- ${line}`),
    ...(found.length ? [""] : []),
    "Scenarios marked * run without counting: the suite has them as extensions, as pending, or as added after the revision. The",
    "SDK's server at 2026-07-28 has no tasks, so the scenarios of that extension fail directly as well.",
    "",
    ...runs.flatMap(table),
  ];
  if (signIn) lines.push(...signInTable(signIn));
  return lines.join("\n");
}
