// Reads a context file that create-service is to extend, as far as it needs it. Pure.
import { readContextRoot } from "../context-config.ts";
import { childAt, type Element, textAt } from "../xml/element.ts";
import type { ExistingContext } from "./service-model.ts";

/**
 * Reads a context file, which may be incomplete.
 *
 * @param file - The name for messages; no file is opened.
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` where the text is not well-formed, or not a context.
 */
export function readExisting(text: string, file: string): ExistingContext {
  const root = readContextRoot(text, { file });
  const textOf = (element: Element, name: string) => textAt(element, name)?.value ?? "";
  return {
    contextId: textOf(root, "ContextID"),
    endpoints: { publish: textOf(root, "BackendEndpoint"), subscribe: textOf(root, "FrontEndEndpoint") },
    tasks: root.children
      .filter(({ name }) => name === "TaskService")
      .map((service) => ({
        id: textOf(service, "id"),
        instance: textOf(service, "instance"),
        serviceType: textOf(service, "serviceType"),
        location: locationOf(service),
      })),
  };
}

/** The `<location>` of its configuration; empty where it has none. */
function locationOf(service: Element): string {
  const path = ["Task", "message", "content", "configuration"];
  const found = path.reduce<Element | undefined>((element, name) => element && childAt(element, name), service);
  return (found && textAt(found, "location")?.value) ?? "";
}
