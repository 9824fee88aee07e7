// Hears of events while they happen, and misses none: a WebSocket that comes back by itself, each
// time with a new ticket and the cursor of what it has got.

export interface LiveEvent {
  cursor: string;
  type: string;
  occurred_at: string;
  workspace_id: string;
  creator_id: string | null;
  data: Record<string, string>;
}

export interface Handlers {
  /** Called for each event, once and in order. Read what its ids name by the routes of each. */
  event(event: LiveEvent): void;
  /** Events were missed that are not kept any more: read anew whatever is shown. */
  reload(): void | Promise<void>;
  /** Gets a ticket: POST /api/realtime/ticket, with the session's cookie or bearer token. */
  ticket(): Promise<{ url: string; ticket: string; cursor: string }>;
}

const PING_EVERY_MS = 4 * 60_000; // API Gateway hangs up after ten silent minutes.
const PONG_WITHIN_MS = 10_000;
const LONGEST_PAUSE_MS = 30_000;

/** Listens until the function that it returns is called. */
export function listen(handlers: Handlers, cursor?: string): () => void {
  let stopped = false;
  let socket: WebSocket | undefined;
  let failures = 0;
  let again: ReturnType<typeof setTimeout> | undefined;

  async function connect(): Promise<void> {
    const ticket = await handlers.ticket();
    if (stopped) return;
    if (cursor === undefined) {
      // What was shown before the ticket may be older than its cursor. Until it is read anew,
      // there is nothing to go on from.
      await handlers.reload();
      if (stopped) return;
      cursor = ticket.cursor;
    }
    const live = new WebSocket(`${ticket.url}?ticket=${encodeURIComponent(ticket.ticket)}`);
    socket = live;
    let pings: ReturnType<typeof setInterval> | undefined;
    let silence: ReturnType<typeof setTimeout> | undefined;
    const say = (message: object) => live.send(JSON.stringify(message));
    live.onopen = () => {
      say({ action: "resume", cursor });
      pings = setInterval(() => {
        say({ action: "ping" });
        // A line that was cut says nothing, not even that it is closed.
        silence = setTimeout(left, PONG_WITHIN_MS);
      }, PING_EVERY_MS);
    };
    live.onmessage = ({ data }) => {
      clearTimeout(silence);
      const message = JSON.parse(String(data));
      if (message.type === "events") message.items.forEach(tell);
      if (message.type === "resumed") failures = 0;
      if (message.type === "error") {
        // The cursor is too old, or none: the next connection begins with that of its ticket.
        cursor = undefined;
        live.close();
      } else if (message.cursor) {
        cursor = message.cursor;
      }
    };
    live.onclose = left;
    function left(): void {
      clearInterval(pings);
      clearTimeout(silence);
      live.onmessage = live.onclose = null;
      live.close();
      later();
    }
  }

  function tell(event: LiveEvent): void {
    try {
      handlers.event(event);
    } catch (error) {
      // What a page gets wrong with one event is no reason to keep the others from it.
      console.error(error);
    }
  }

  function later(): void {
    if (stopped) return;
    const pause = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures++);
    // Not all at once when the server comes back.
    again = setTimeout(() => connect().catch(later), pause * (0.5 + Math.random() / 2));
  }

  connect().catch(later);
  return () => {
    stopped = true;
    clearTimeout(again);
    socket?.close();
  };
}
