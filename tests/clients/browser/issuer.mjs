// The first flow: the mock issuer's page, by pointer and by keyboard, at a desk and on a phone.
//
//   node issuer.mjs ISSUER CLIENT_ID FOLDER_FOR_PICTURES

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { DESK, PHONE, barriers, opened, picture, press, pressByKeys } from "./browser.mjs";

const [issuer, client_id, folder] = process.argv.slice(2);
const came = [];
const client = createServer((request, answer) => {
  const url = new URL(request.url, "http://127.0.0.1");
  if (url.pathname === "/callback") came.push(Object.fromEntries(url.searchParams));
  answer.setHeader("content-type", "text/html").end("<!DOCTYPE html><title>Done</title><h1>Done</h1>");
});
await new Promise((go) => client.listen(0, "127.0.0.1", go));
const redirect_uri = `http://127.0.0.1:${client.address().port}/callback`;
const allowed = await fetch(`${issuer}/control`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ allow_redirect: { client: client_id, address: redirect_uri } }),
});
assert.ok(allowed.ok);
const asking = new URL(`${issuer}/authorize`);
asking.search = new URLSearchParams({
  response_type: "code",
  client_id,
  redirect_uri,
  scope: "openid profile email",
  state: "state",
  code_challenge: "x".repeat(43),
  code_challenge_method: "S256",
});
try {
  for (const [name, viewport, chosen, go] of [
    ["desk", DESK, "Anna Adler", (page) => press(page, "css:button[value=anna]")],
    ["phone", PHONE, "Ben Bauer", (page) => pressByKeys(page, "button[value=ben]")],
  ]) {
    const { page, close } = await opened({ viewport });
    await page.goto(asking.href);
    await picture(page, `${folder}/issuer-${name}.png`);
    assert.deepEqual(await barriers(page), [], `${name}: barriers`);
    await go(page);
    assert.equal(await page.title(), "Done", chosen);
    await close();
  }
  assert.equal(came.length, 2);
  for (const answer of came) {
    assert.equal(answer.state, "state");
    assert.equal(answer.iss, issuer);
    assert.ok(answer.code);
  }
} finally {
  client.close();
}
