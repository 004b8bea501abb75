// A person's way from an authorization request to the client's callback, in a real browser: a picture of each page, what on it
// keeps somebody from using it, and where the way ended. Nothing listens at the callback: it is answered here.
//
//   node walk.mjs ADDRESS CALLBACK PERSON FOLDER_FOR_PICTURES [desk|phone] [pointer|keys]
//
// It prints {"came": the callback's address, "pages": [{"url", "title", "picture", "barriers"}]}.

import { DESK, PHONE, barriers, opened, picture, press, pressByKeys } from "./browser.mjs";

const [address, callback, person, folder, size = "desk", how = "pointer"] = process.argv.slice(2);
const STEPS = 10;

const { page, close } = await opened({ viewport: size === "phone" ? PHONE : DESK });
let came;
await page.setRequestInterception(true);
page.on("request", (request) => {
  if (!request.url().startsWith(callback)) return void request.continue();
  came ??= request.url();
  request.respond({ contentType: "text/html", body: "<!DOCTYPE html><html lang=en><title>Done</title><h1>Done</h1>" });
});

/** What this person presses here: themselves, what goes on, or the way to a provider. */
async function chosen() {
  for (const selector of [`button[value="${person}"]`, 'button[value="allow"]', 'a[href*="/sign-in/"]']) {
    if (await page.$(selector)) return selector;
  }
  throw new Error(`nothing to press at ${page.url()}: ${await page.content()}`);
}

const pages = [];
await page.goto(address);
for (let step = 0; !came; step += 1) {
  if (step === STEPS) throw new Error(`no end after ${STEPS} pages: ${pages.map(({ url }) => url).join(" -> ")}`);
  const file = `${folder}/${size}-${step}.png`;
  await picture(page, file);
  pages.push({ url: page.url(), title: await page.title(), picture: file, barriers: await barriers(page) });
  const selector = await chosen();
  await (how === "keys" ? pressByKeys(page, selector) : press(page, `css:${selector}`));
}
await close();
console.log(JSON.stringify({ came, pages }));
