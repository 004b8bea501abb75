// Debian's Chromium without a window, by puppeteer-core. What the tests of pages share: open, press, picture, and whether
// everybody can use a page.

import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const installed = createRequire(join(process.env.KEYLEDGER_CLIENTS, "browser/"));
const { launch } = await import(pathToFileURL(installed.resolve("puppeteer-core")).href);
const axe = await readFile(installed.resolve("axe-core/axe.min.js"), "utf8");

/** Narrow: no page may be wider than this (WCAG 2.1, 1.4.10). */
export const PHONE = { width: 320, height: 640 };
export const DESK = { width: 1280, height: 800 };

/** A browser of its own, without cookies of before. Close it at the end. */
export async function opened({ viewport = DESK } = {}) {
  const browser = await launch({
    executablePath: process.env.KEYLEDGER_CHROMIUM,
    // Chromium's sandbox needs rights that root in a container has not; only pages of this machine are opened.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
  });
  const page = await browser.newPage();
  await page.setViewport(viewport);
  // Our pages work without scripts.
  await page.setJavaScriptEnabled(false);
  page.setDefaultTimeout(20_000);
  return { browser, page, close: () => browser.close() };
}

/** Presses what a person would, found by its words or a selector, and waits for where that leads. */
export async function press(page, what) {
  const found = await page.waitForSelector(what.startsWith("css:") ? what.slice(4) : `::-p-aria([name="${what}"])`);
  await Promise.all([page.waitForNavigation({ waitUntil: "load" }), found.click()]);
}

/** The same by the keyboard alone: tabs until it has the focus, then Enter. Fails when no tab leads there. */
export async function pressByKeys(page, selector) {
  for (let tabs = 0; tabs < 50; tabs += 1) {
    await page.keyboard.press("Tab");
    if (await page.$(`${selector}:focus`)) {
      await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.keyboard.press("Enter")]);
      return;
    }
  }
  throw new Error(`no tab leads to ${selector}`);
}

export async function picture(page, path) {
  await page.screenshot({ path, fullPage: true });
}

/** What keeps somebody from using the page (axe-core, WCAG 2.2 A and AA), and whether it is wider than its window. */
export async function barriers(page) {
  // axe waits by timers, which are off where scripts are.
  await page.setJavaScriptEnabled(true);
  const { violations, width } = await inIsolation(page, async () => {
    const found = await globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    const violations = found.violations.map(({ id, help, nodes }) => ({ id, help, at: nodes.map((node) => node.target.join(" ")) }));
    return { violations, width: document.documentElement.scrollWidth };
  });
  await page.setJavaScriptEnabled(false);
  const { width: window } = page.viewport();
  return width > window ? [...violations, { id: "reflow", help: `it is ${width} px wide in a window of ${window}`, at: ["html"] }] : violations;
}

/** In a world beside the page's own, which the page's policy (no script) does not bind. */
async function inIsolation(page, work) {
  const session = await page.createCDPSession();
  const { frameTree } = await session.send("Page.getFrameTree");
  const world = { frameId: frameTree.frame.id, worldName: "barriers" };
  const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", world);
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, contextId, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await evaluate(`${axe};undefined`);
  const found = await evaluate(`(${work})()`);
  await session.detach();
  return found;
}
