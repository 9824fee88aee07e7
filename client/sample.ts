// What a page does with the client. It is compiled by a test, and each line that must not compile
// is one that would be wrong.
import { huntaze, type Schemas } from "./huntaze";

const api = huntaze("https://app.example.com");

export async function everyFan(): Promise<Schemas["Fan"][]> {
  const fans: Schemas["Fan"][] = [];
  let cursor: string | null | undefined;
  do {
    const { data, error } = await api.GET("/api/crm/fans", {
      params: { query: { limit: 200, ...(cursor ? { cursor } : {}) } },
    });
    if (error) throw new Error(error.detail);
    fans.push(...data.items);
    cursor = data.next_cursor;
  } while (cursor);
  return fans;
}

export async function launch(segment: string): Promise<string> {
  await api.logIn("ada@example.com", "correct horse battery staple");
  const made = await api.POST("/api/marketing/campaigns", {
    body: { name: "New set", segment_id: segment, message: "Hi {first_name}", price_cents: 1500 },
    headers: { "Idempotency-Key": crypto.randomUUID() },
  });
  if (made.error) throw new Error(made.error.error);
  const campaign_id = made.data.id;
  const launched = await api.POST("/api/marketing/campaigns/{campaign_id}/launch", {
    params: { path: { campaign_id } },
  });
  if (launched.error) throw new Error(launched.error.detail);
  const status: "draft" | "preparing" | string = launched.data.status;
  return status;
}

export async function wrong(): Promise<void> {
  // @ts-expect-error There is no such route.
  await api.GET("/api/crm/nobody");
  // @ts-expect-error A fan has a handle.
  await api.POST("/api/crm/fans", { body: { display_name: "Sam" } });
  // @ts-expect-error Money is whole cents, a number.
  await api.PATCH("/api/crm/fans/{fan_id}", { params: { path: { fan_id: "x" } }, body: { price_cents: "9.99" } });
  // @ts-expect-error The path names a campaign.
  await api.POST("/api/marketing/campaigns/{campaign_id}/launch", {});
}
