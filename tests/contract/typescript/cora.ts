// What test_typescript_client.py type-checks against the generated schema, and runs against the server: arguments URL TOKEN ORG.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Org = components["schemas"]["Org"];

const [url, token, hidden] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

const listed = await client.GET("/orgs", { params: { query: { limit: 1 } } });
if (listed.error) throw new Error(listed.error.code);
const orgs: Org[] = listed.data.items;

const made = await client.POST("/orgs", { body: { name: "Typed", slug: "typed" } });
if (made.error) throw new Error(made.error.code);
const orgId: string = made.data.id;

const changed = await client.PATCH("/orgs/{orgId}", { params: { path: { orgId } }, body: { description: "new" } });
if (changed.error) throw new Error(changed.error.code);

const refused = await client.GET("/orgs/{orgId}", { params: { path: { orgId: hidden } } });
const code: string | undefined = refused.error?.code;

// Each of these must be an error of the compiler: one that compiles fails the test.
export const wrong = async (): Promise<void> => {
  // @ts-expect-error - no such path
  await client.GET("/organizations");
  // @ts-expect-error - the body lacks its name
  await client.POST("/orgs", { body: { slug: "typed" } });
  // @ts-expect-error - a number
  await client.GET("/orgs", { params: { query: { limit: "many" } } });
};

console.log(JSON.stringify({ orgs: orgs.length, name: made.data.name, description: changed.data.description, code }));
