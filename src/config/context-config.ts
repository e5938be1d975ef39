// Turns the text of a context file into the checked model, or into an error with all its problems. Pure.
import { ZcontextError } from "../errors.ts";
import { readEndpoints } from "./endpoint-reader.ts";
import { CONTEXT_SHAPE, checkShape } from "./grammar.ts";
import { readLogs } from "./logs-reader.ts";
import { readMessaging } from "./messaging-reader.ts";
import type { ContextConfig } from "./model.ts";
import { readContextSupervision } from "./supervision-reader.ts";
import { readTasks } from "./task-reader.ts";
import type { Element } from "./xml/element.ts";
import { positionsIn } from "./xml/position.ts";
import { countOf, describe, type Problem, type Reading } from "./xml/problems.ts";
import { ANY_TEXT, NOT_EMPTY, Reader } from "./xml/reader.ts";
import { parseXml } from "./xml/xml.ts";

export * from "./model.ts";
export { DEFAULT_SUPERVISION } from "./supervision-reader.ts";

/**
 * Reads a context file of either generation of the original and checks all of it, down to the ids that triggers call.
 *
 * @param options.file - The name for messages; no file is opened.
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` with every problem of the file in `details`, in the order of the file,
 *   each as `file:line:column: message`. Where the text is not well-formed that is the only problem.
 */
export function parseContextConfig(text: string, { file = "context.xml" }: { file?: string } = {}): ContextConfig {
  const problems: Problem[] = [];
  const config = readContext(readContextRoot(text, { file }), { problems, strict: true });
  if (problems.length > 0) throw invalid(file, text, problems);
  return config;
}

/**
 * The root element of a context file; its content is not checked.
 *
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` where the text is not well-formed, or not a context.
 */
export function readContextRoot(text: string, { file = "context.xml" }: { file?: string } = {}): Element {
  const problems: Problem[] = [];
  const root = parseXml(text, problems);
  if (root?.name === "Context") return root;
  if (root) problems.push({ place: root.place, message: `expected the root <Context>, got <${root.name}>` });
  throw invalid(file, text, problems);
}

function readContext(element: Element, reading: Reading): ContextConfig {
  checkShape(element, CONTEXT_SHAPE, reading);
  const root = new Reader(element, reading);
  const services = element.children.filter(({ name }) => name === "TaskService");
  if (services.length === 0) root.report("TaskService", "expected at least one, got none");
  const contextId = root.text("ContextID", ANY_TEXT);
  const { strategy, ...basis } = readContextSupervision(root);
  return {
    contextId,
    logName: root.text("TaskLogName", NOT_EMPTY),
    ...readEndpoints(root),
    messaging: readMessaging(root, reading),
    logs: readLogs(root, reading),
    strategy,
    supervision: basis.supervision,
    tasks: readTasks(services, reading, { contextId, basis }),
  };
}

function invalid(file: string, text: string, problems: readonly Problem[]): ZcontextError {
  return new ZcontextError("ERR_CONFIG_INVALID", `${file} has ${countOf(problems)}`, {
    details: describe(problems, positionsIn(text)).map((line) => `${file}:${line}`),
    hint: `\`service-context ${file} --check\` lists problems without starting anything`,
  });
}
