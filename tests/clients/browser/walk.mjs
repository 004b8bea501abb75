// A person's way through pages in a real browser: a picture of each, and what on it keeps somebody from using it.
//
//   node walk.mjs PLAN     (JSON)
//
//   {"start": "http://…", "person": "anna", "folder": "/tmp/x", "size": "desk"|"phone", "how": "pointer"|"keys",
//    "look": "light"|"dark", "callback": "http://127.0.0.1:9/callback", "most": 3,
//    "then": [{"open": "http://…"} | {"press": "CSS"}]}
//
// With a callback the way ends there: nothing listens at it, it is answered here. Without one it ends where nothing is left to
// press, or at its `most`th page. Then comes each step of `then`. It prints
// {"came": the callback's address, "pages": [{"url", "status", "title", "text", "picture", "barriers"}]}.

import { DESK, PHONE, barriers, opened, picture, press, pressByKeys } from "./browser.mjs";

const STEPS = 10;
const plan = { size: "desk", how: "pointer", look: "light", then: [], ...JSON.parse(process.argv[2]) };

const { page, close } = await opened({ viewport: plan.size === "phone" ? PHONE : DESK });
await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: plan.look }]);
let came;
let status;
page.on("response", (response) => {
  if (response.request().isNavigationRequest()) status = response.status();
});
await page.setRequestInterception(true);
page.on("request", (request) => {
  if (!plan.callback || !request.url().startsWith(plan.callback)) return void request.continue();
  came ??= request.url();
  request.respond({ contentType: "text/html", body: "<!DOCTYPE html><html lang=en><title>Done</title><h1>Done</h1>" });
});

/** What this person presses here: themselves, what goes on, or the way to a provider. */
async function chosen() {
  for (const selector of [`button[value="${plan.person}"]`, 'button[value="allow"]', 'a[href*="/sign-in/"]']) {
    if (await page.$(selector)) return selector;
  }
  if (plan.callback) throw new Error(`nothing to press at ${page.url()}: ${await page.content()}`);
}

const pages = [];
async function looked() {
  const file = `${plan.folder}/${plan.size}-${plan.look}-${plan.how}-${pages.length}.png`;
  await picture(page, file);
  const text = await page.$eval("body", (body) => body.innerText);
  const seen = { url: page.url(), status, title: await page.title(), text, picture: file };
  pages.push({ ...seen, barriers: await barriers(page) });
}

const taken = (selector) => (plan.how === "keys" ? pressByKeys(page, selector) : press(page, `css:${selector}`));

await page.goto(plan.start);
for (let selector; !came; await taken(selector)) {
  if (pages.length === STEPS) throw new Error(`no end after ${STEPS} pages: ${pages.map(({ url }) => url).join(" -> ")}`);
  await looked();
  selector = await chosen();
  if (!selector || pages.length === plan.most) break;
}
for (const step of plan.then) {
  await (step.open ? page.goto(step.open) : taken(step.press));
  await looked();
}
await close();
console.log(JSON.stringify({ came, pages }));
