// Packages are looked for where set-up installed them (KEYLEDGER_CLIENTS), not beside these files.

import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const installed = pathToFileURL(`${process.env.KEYLEDGER_CLIENTS}/conformance/package.json`).href;
registerHooks({
  resolve(name, context, next) {
    const isPackage = /^(@[^/]+\/)?[a-z][^:]*$/.test(name) && !name.startsWith("node:");
    const isOurs = context.parentURL && !context.parentURL.includes("/node_modules/");
    return next(name, isPackage && isOurs ? { ...context, parentURL: installed } : context);
  },
});
