// The official CloudEvents SDK reads each golden file (one a line of standard input) and says what it saw.
import { createInterface } from "node:readline";
import { HTTP } from "cloudevents";

for await (const body of createInterface({ input: process.stdin })) {
  const event = HTTP.toEvent({ headers: { "content-type": "application/cloudevents+json" }, body });
  console.log(JSON.stringify([event.id, event.type, event.subject, event.dataschema, event.data]));
}
