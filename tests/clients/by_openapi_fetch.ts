// Walk through the service by openapi-fetch and the types that openapi-typescript made.

import createClient from "openapi-fetch";
import type { paths, components } from "./made.js";

declare const process: { argv: string[] };
const [baseUrl, username, password, example] = process.argv.slice(2) as [string, string, string, string];
const patient: components["schemas"]["Patient"] = JSON.parse(example);
const client = (credential?: string) =>
  createClient<paths>({ baseUrl, headers: credential ? { Authorization: `Bearer ${credential}` } : {} });

const stranger = client();
const registered = await stranger.POST("/register", {
  body: { username, password, email: `${username}@example.org` },
});
const tokens = await stranger.POST("/login", { body: { username, password } });
const key = await client(tokens.data!.access_token).POST("/account/keys", { body: { name: "made" } });
const caller = client(key.data!.key);
const assessed = await caller.POST("/service", { body: patient });
const faulty = await caller.POST("/service", { body: { ...patient, edad: 400 } });
const fault = faulty.error as components["schemas"]["FieldProblem"];
const kept = await caller.POST("/predictions", { body: patient });
const batch = await caller.POST("/service/lote", { body: { pacientes: [patient] } });
const listed = await caller.GET("/predictions");
const row = batch.data!.resultados[0];
let refused = "";
for (let times = 0; times < 6 && !refused; times++) {  // a minute may have ended meanwhile
  const { error } = await caller.POST("/service", { body: patient });
  if (error?.code === "rate-limited") refused = error.code;
}
console.log(
  JSON.stringify({
    plan: registered.data!.plan,
    probabilities: [
      assessed.data!.probabilidad,
      kept.data!.probabilidad,
      "probabilidad" in row ? row.probabilidad : row.errors,
    ],
    faulty: [fault.errors[0].field, fault.code],
    kept: listed.data!.items.map((item) => item.id === kept.data!.id),
    refused,
  }),
);
