// The suite can send no credential: this stands before the gateway and adds a key to each request. Where a request names this
// address (Host, Origin), it is made the gateway's, as it were without this; all else goes on as it came, some scenarios being
// about just that.

import { createServer, request } from "node:http";

/** Listens on loopback for the gateway at this URL; answers its own port. */
export async function withKey(gateway, key) {
  const { host, hostname, port } = new URL(gateway);
  const server = createServer((from, to) => {
    const own = `127.0.0.1:${server.address().port}`;
    const meant = { [own]: host, [`http://${own}`]: `http://${host}` };
    const came = from.rawHeaders.map((part, at) => (at % 2 ? (meant[part] ?? part) : part));
    const headers = [...came, "Authorization", `Bearer ${key}`];
    const onward = request({ hostname, port, method: from.method, path: from.url, headers, setHost: false });
    onward.on("response", (answer) => {
      to.writeHead(answer.statusCode, answer.rawHeaders);
      to.flushHeaders();
      answer.pipe(to);
      answer.on("close", () => answer.complete || to.destroy());
    });
    onward.on("error", () => to.destroy());
    to.on("close", () => onward.destroy());
    from.pipe(onward);
  });
  await new Promise((go) => server.listen(0, "127.0.0.1", go));
  return { port: server.address().port, close: () => server.close() };
}
