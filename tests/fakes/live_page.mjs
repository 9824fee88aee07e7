// A page that listens with client/live.ts, on sockets that this script speaks for. It prints what the
// page was told and with which cursors it came back.
import { listen } from "../../client/live.ts";

const [scene] = process.argv.slice(2);
const told = { events: [], reloads: 0, resumed: [] };
let tickets = 0;

const event = (cursor) => ({ cursor, type: "message.created", data: {} });
const SAID = {
  // The page cannot read anew at first, and it fails on one event.
  troubles: [
    [{ type: "events", items: [event("1"), event("2"), event("3")], cursor: "3" }, "close"],
    [{ type: "events", items: [event("4")], cursor: "4" }, "end"],
  ],
  // Its cursor was never one.
  refused: [
    [{ type: "error", error: "BadRequest", detail: "no cursor" }, "silence"],
    [{ type: "events", items: [event("9")], cursor: "9" }, "end"],
  ],
}[scene];

globalThis.WebSocket = class {
  constructor() {
    this.script = SAID.shift() ?? ["end"];
    setImmediate(() => this.onopen?.());
  }
  send(text) {
    const { action, cursor } = JSON.parse(text);
    if (action !== "resume") return;
    told.resumed.push(cursor);
    for (const message of this.script) {
      if (message === "end") setImmediate(end);
      else if (message === "close") setImmediate(() => this.onclose?.());
      else if (message !== "silence") this.onmessage?.({ data: JSON.stringify(message) });
    }
  }
  close() {
    setImmediate(() => this.onclose?.());
  }
};
const wait = globalThis.setTimeout;
globalThis.setTimeout = (work, _pause) => wait(work, 1);
console.error = () => undefined;

function end() {
  console.log(JSON.stringify(told));
  process.exit();
}

listen(
  {
    event: ({ cursor }) => {
      told.events.push(cursor);
      if (cursor === "2") throw new Error("the page has a defect");
    },
    reload: async () => {
      if (scene === "troubles" && told.reloads++ === 0) throw new Error("the network is away");
    },
    ticket: async () => ({ url: "ws://live", ticket: "t", cursor: `ticket-${++tickets}` }),
  },
  scene === "refused" ? "garbage" : undefined,
);
wait(end, 20_000);
