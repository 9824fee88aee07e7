// Prints what happens, one JSON line an event:
//   node client/listen.mjs API_URL EMAIL PASSWORD
import { listen } from "./live.ts";

const [url, email, password] = process.argv.slice(2);

async function post(path, body, token) {
  const answer = await fetch(url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

let token = (await post("/api/auth/login", { email, password })).access_token;
listen({
  event: (event) => console.log(JSON.stringify(event)),
  reload: () => console.error("listening"),
  ticket: async () => {
    try {
      return await post("/api/realtime/ticket", {}, token);
    } catch {
      token = (await post("/api/auth/login", { email, password })).access_token;
      return post("/api/realtime/ticket", {}, token);
    }
  },
});
