// A person at a browser, without one: follows redirects, keeps cookies, and submits the forms of a sign-in and a consent by
// plain HTTP. It knows no page by heart: it takes the button that stands for the person, or that goes on.
//
//   node browse.mjs URL          (what a client opens; KEYLEDGER_PERSON says who sits there, `ada` without it)

import { appendFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const STEPS = 20;
const GOES_ON = /\b(allow|approve|authori[sz]e|accept|agree|continue|join|sign[ -]?in|yes|once|always)\b/i;
const GOES_BACK = /\b(deny|cancel|refuse|decline|no|back|reject|somebody else)\b/i;

class Cookies {
  #kept = new Map();
  keep(url, answer) {
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const at = pair.indexOf("=");
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const path = attributes.map((one) => one.match(/^path=(.*)$/i)?.[1]).find(Boolean) ?? "/";
      const isOver = attributes.some((one) => /^max-age=(0|-)/i.test(one)) || value === "";
      // By host, whatever the port (RFC 6265 §8.5).
      const key = `${url.hostname} ${path} ${name}`;
      if (isOver) this.#kept.delete(key);
      else this.#kept.set(key, { host: url.hostname, path, pair });
    }
  }
  of(url) {
    const goes = ({ host, path }) => host === url.hostname && (url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, "/")));
    return [...this.#kept.values()].filter(goes).map(({ pair }) => pair).join("; ");
  }
}

const plain = (html) =>
  html.replace(/<[^>]*>/g, " ").replace(/&(lt|gt|quot|amp|#39|#x27);/g, (all, name) =>
    ({ lt: "<", gt: ">", quot: '"', amp: "&", "#39": "'", "#x27": "'" })[name] ?? all).replace(/\s+/g, " ").trim();

function attributes(tag) {
  const found = {};
  for (const [, name, , , double, single, bare] of tag.matchAll(/([a-z-]+)(=("([^"]*)"|'([^']*)'|([^\s>]+)))?/gi)) {
    found[name.toLowerCase()] = plain(double ?? single ?? bare ?? "");
  }
  return found;
}

/** The forms of a page: where each goes, what stands in it, and its buttons. */
export function forms(html) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, inside]) => {
    const { action = "", method = "get" } = attributes(head);
    const fields = [];
    for (const [, tag] of inside.matchAll(/<input\b([^>]*)>/gi)) {
      const { type = "text", name, value = "", ...rest } = attributes(tag);
      const isOff = ["checkbox", "radio"].includes(type) && !("checked" in rest);
      if (name && !isOff && !["submit", "button"].includes(type)) fields.push({ name, value, type });
    }
    const buttons = [...inside.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)].map(([, tag, label]) => ({ ...attributes(tag), label: plain(label) }));
    for (const [, tag] of inside.matchAll(/<input\b([^>]*)>/gi)) {
      const one = attributes(tag);
      if (one.type === "submit") buttons.push({ ...one, label: one.value ?? "" });
    }
    return { action, method: method.toLowerCase(), fields, buttons };
  });
}

/** The form and the button that this person takes. `key`: what they type where a key is asked for. */
function choice(html, { user, key }) {
  const all = forms(html).flatMap((form) => (form.buttons.length ? form.buttons : [{ label: "" }]).map((button) => ({ form, button })));
  const asksForKey = ({ form }) => form.fields.some((field) => field.type === "password");
  if (key) return all.find(asksForKey);
  const open = all.filter((one) => !asksForKey(one));
  const isThem = ({ button }) => button.value === user;
  const goesOn = ({ button }) => {
    const words = `${button.label} ${button.value ?? ""}`;
    return GOES_ON.test(words) && !GOES_BACK.test(words);
  };
  return open.find(isThem) ?? open.find(goesOn);
}

/**
 * Opens an address and goes on until a page has nothing more to press. Answers where that is, its status and text, and
 * every address on the way. An address that is no http(s) one (an app's own scheme) is the end.
 */
export async function signIn(address, { user = "ada", key, press = choice } = {}) {
  const cookies = new Cookies();
  const way = [];
  let [url, request] = [new URL(address), {}];
  for (let step = 0; step < STEPS; step += 1) {
    way.push(url.href);
    const headers = { accept: "text/html", cookie: cookies.of(url), ...request.headers };
    const answer = await fetch(url, { ...request, headers, redirect: "manual", signal: AbortSignal.timeout(20_000) });
    cookies.keep(url, answer);
    const to = answer.headers.get("location");
    if (to && answer.status >= 300 && answer.status < 400) {
      const isKept = [307, 308].includes(answer.status);
      url = new URL(to, url);
      request = isKept ? request : {};
      if (!/^https?:$/.test(url.protocol)) return { url: url.href, status: answer.status, text: "", way };
      continue;
    }
    const text = await answer.text();
    const chosen = press(text, { user, key, url });
    const link = text.match(/<a\b[^>]*href="([^"]*\/sign-in\/[^"]*)"/i);
    if (chosen) {
      const { form, button } = chosen;
      const sent = new URLSearchParams(form.fields.map((field) => [field.name, field.type === "password" ? key : field.value]));
      if (button.name) sent.append(button.name, button.value ?? "");
      const target = new URL(button.formaction || form.action || url.href, url);
      if (form.method === "post") {
        const origin = { "content-type": "application/x-www-form-urlencoded", origin: url.origin, referer: url.href };
        request = { method: "POST", body: sent.toString(), headers: { ...origin, "sec-fetch-site": "same-origin" } };
      } else {
        target.search = sent;
        request = {};
      }
      url = target;
    } else if (link && answer.ok) {
      [url, request] = [new URL(plain(link[1]), url), {}];
    } else {
      return { url: url.href, status: answer.status, text, way };
    }
  }
  throw new Error(`no end after ${STEPS} steps: ${way.join(" -> ")}`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { KEYLEDGER_PERSON: user = "ada", KEYLEDGER_PERSON_KEY: key, KEYLEDGER_BROWSED: note } = process.env;
  const end = await signIn(process.argv[2], { user, key });
  // For the test that wants to see the way.
  if (note) await appendFile(note, `${JSON.stringify({ ...end, text: plain(end.text).slice(0, 500) })}\n`);
  process.exit(end.status < 400 ? 0 : 1);
}
