// Posts bodies with Node's own fetch and says the status of each answer, one a line: fetch.mjs URL BYTES...
const [url, ...sizes] = process.argv.slice(2);
for (const size of sizes) {
  const headers = { "content-type": "application/json" };
  if (process.env.KEYLEDGER_KEY) headers.authorization = `Bearer ${process.env.KEYLEDGER_KEY}`;
  const body = "x".repeat(Number(size));
  // As a string, and as a stream, which is sent in chunks.
  const bodies = [{ body }, { body: new Blob([body]).stream(), duplex: "half" }];
  for (const sent of bodies) {
    const answer = await fetch(url, { method: "POST", headers, ...sent });
    await answer.text();
    console.log(answer.status);
  }
}
