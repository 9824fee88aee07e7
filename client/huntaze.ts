// The client of a browser: its session is a cookie, and what changes something shows the CSRF token.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

export function huntaze(baseUrl: string) {
  let csrfToken = "";
  const showsToken: Middleware = {
    onRequest({ request }) {
      if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrfToken);
      return request;
    },
  };
  const client = createClient<paths>({ baseUrl, credentials: "include" });
  client.use(showsToken);
  return {
    ...client,
    async logIn(email: string, password: string): Promise<Schemas["LoggedIn"]> {
      const { data, error } = await client.POST("/api/auth/login", { body: { email, password } });
      if (error) throw new Error(`${error.error}: ${error.detail}`);
      csrfToken = data.csrf_token;
      return data;
    },
  };
}
