// Compares schemata with those of before, and prints each change that does more than add.
import { ZcontextError } from "../../src/errors.ts";
import { checkOf } from "../../src/messaging/schema-check.ts";
import { columns } from "../columns.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { printable } from "./printable.ts";
import { type Change, changesOf, type Side } from "./schema/changes.ts";
import { readBefore, readSchemata, type Schemata } from "./schema/sources.ts";

export interface CheckOptions {
  against: string;
  /** Those that read are updated before those that send: what only they would miss is no fault. */
  receivers_first?: true;
  json?: true;
}

interface Finding extends Change {
  schema: string;
}

const WHY: Readonly<Record<Side, string>> = {
  senders: "senders that have not changed are refused",
  receivers: "receivers that have not changed get what they don't expect",
};

export async function checkSchemata(
  path: string,
  { against, receivers_first: isReceiversFirst, json }: CheckOptions,
): Promise<number> {
  const after = await readSchemata(path);
  const before = await readBefore(path, against);
  if (before.isFolder !== after.isFolder)
    throw new ZcontextError("ERR_USAGE", `${path} and ${against}: expected two files, or two folders`);
  for (const [name, schema] of after.named) checkOf(schema, name);
  const findings = findingsOf(before, after).filter(({ breaks }) => !isReceiversFirst || breaks.includes("senders"));
  const added = after.isFolder ? [...after.named.keys()].filter((name) => !before.named.has(name)) : [];
  const result = findings.length === 0 ? "success" : "failure";
  if (json) answerJson({ result, schemata: after.named.size, added, changes: findings });
  else print(findings, after.named.size, added);
  return findings.length === 0 ? EXIT.done : EXIT.failed;
}

function findingsOf(before: Schemata, after: Schemata): Finding[] {
  const [only] = after.named;
  return [...before.named].flatMap(([name, was]) => {
    const [schema, is] = after.isFolder ? [name, after.named.get(name)] : (only ?? [name]);
    if (is !== undefined) return changesOf(was, is).map((change) => ({ schema, ...change }));
    const removed = { path: "", what: "schema", was: "there", is: "removed" };
    return [{ schema, ...removed, breaks: ["senders", "receivers"] satisfies Side[] }];
  });
}

function print(findings: readonly Finding[], count: number, added: readonly string[]): void {
  if (added.length > 0) say(`new: ${added.map(printable).join(", ")}`);
  if (findings.length === 0) return answer(`${count} schema${count === 1 ? "" : "ta"}: nothing but additions`);
  const rows = findings.map(({ schema, path, what, was, is, breaks }) =>
    [schema, path || "(all)", what, was, is, breaks.map((side) => WHY[side]).join("; ")].map(printable),
  );
  answer(columns(["SCHEMA", "WHERE", "WHAT", "WAS", "IS", "BREAKS"], rows));
  say(
    "Emit another event beside it, or serve another method, until nobody uses this one; or add optional properties alone.",
  );
}
