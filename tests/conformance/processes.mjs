// Programs that are started here and end with this one.

import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as after } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A program that says where it is in a line of JSON and ends when its standard input does. */
export async function started(program, ...given) {
  const child = spawn(program, given, { stdio: ["pipe", "pipe", "inherit"] });
  const first = createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const { value } = await Promise.race([first, ended(child, program)]);
  return { told: JSON.parse(value), end: () => child.stdin.end() };
}

function ended(child, program) {
  return new Promise((_, no) => child.on("exit", (code) => no(new Error(`${program} has ended (${code})`))));
}

/** `keyledger dev` in this folder: its facts, and the CLI against it. */
export async function dev(program, folder) {
  const child = spawn(program, ["dev", "--data", folder], { stdio: ["ignore", "ignore", "inherit"] });
  let isOver = false;
  const over = new Promise((go) => child.on("exit", go)).then(() => (isOver = true));
  let facts;
  for (let waited = 0; !facts; waited += 100) {
    if (isOver || waited > 120_000) throw new Error(`${program} dev did not start; what it says is above`);
    await after(100);
    facts = await readFile(`${folder}/dev.json`, "utf8").then(JSON.parse, () => undefined);
  }
  const cli = async (...given) => {
    const { stdout } = await run(program, [...given, "--data", folder, "--json"]);
    return JSON.parse(stdout);
  };
  const end = async () => {
    child.kill("SIGTERM");
    await over;
  };
  return { facts, cli, end };
}
