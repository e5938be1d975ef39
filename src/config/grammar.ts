// The grammar of a context: which elements and attributes it may have, how often, and whether they hold text or elements.
// Their values are read elsewhere. conf/context.xsd gives the same grammar to editors. Pure.

import { didYouMean, nearest } from "../suggest.ts";
import { CONTEXT_ATTRIBUTES, SHARED_ATTRIBUTES, TASK_ATTRIBUTES } from "./supervision-reader.ts";
import { type Element, serviceLabel } from "./xml/element.ts";
import { type Problem, quote, type Reading, shorten } from "./xml/problems.ts";

/** `text` holds no elements; `texts` is the same and may be repeated; `free` is not checked here. */
type Shape = "text" | "texts" | "free" | Structure;

interface Structure {
  children: Readonly<Record<string, Shape>>;
  attributes?: readonly string[];
  /** Attributes that belong to an element of the same name elsewhere, and where. */
  misplaced?: { attributes: readonly string[]; where: string };
  many?: true;
  /** Holds text, and no elements. */
  holdsText?: true;
}

const TRIGGER: Shape = { children: { action: "text", call: "text" } };

const VARIABLE: Structure = { many: true, holdsText: true, attributes: ["name"], children: {} };

const TASK_SUPERVISION: Structure = {
  attributes: [...SHARED_ATTRIBUTES, ...TASK_ATTRIBUTES],
  misplaced: { attributes: CONTEXT_ATTRIBUTES, where: "the <Supervision> of the Context" },
  children: { environment: VARIABLE },
};

const CONTEXT_SUPERVISION: Structure = {
  attributes: [...SHARED_ATTRIBUTES, ...CONTEXT_ATTRIBUTES],
  misplaced: { attributes: TASK_ATTRIBUTES, where: "the <Supervision> of a TaskService" },
  children: { environment: VARIABLE },
};

/** A task service in a message: `<Supervision>` is an unknown name there. */
export const TASK_SERVICE_SHAPE: Structure = {
  many: true,
  attributes: ["id", "topic", "instance", "serviceType", "ready_after_s", "instances"],
  children: {
    // As elements too: a message has no attributes, and a file may use either.
    id: "text",
    topic: "text",
    instance: "text",
    serviceType: "text",
    ready_after_s: "text",
    command: "text",
    argument: "texts",
    Task: {
      children: {
        description: "text",
        message: {
          children: {
            header: {
              children: {
                action: "text",
                service_name: "text",
                service_id: "text",
                transaction: "text",
                service_transaction: "text",
              },
            },
            content: { children: { configuration: "free" } },
          },
        },
        state: {
          attributes: ["type"],
          children: { type: "text", on_start: TRIGGER, on_update: TRIGGER, on_fail: TRIGGER, on_exit: TRIGGER },
        },
      },
    },
  },
};

export const CONTEXT_SHAPE: Structure = {
  // For editors to find the schema.
  attributes: ["xmlns:xsi", "xsi:noNamespaceSchemaLocation"],
  children: {
    FrontEndEndpoint: "text",
    BackendEndpoint: "text",
    FrontBind: "text",
    BackendBind: "text",
    ContextID: "text",
    TaskLogName: "text",
    // A help text of the original mentions it; it has no effect.
    MonitorEndpoint: "text",
    Messaging: { attributes: ["durability", "url", "dialect", "claim_store"], children: {} },
    Logs: { attributes: ["file_mib", "files", "total_mib"], children: {} },
    Supervision: CONTEXT_SUPERVISION,
    TaskService: { ...TASK_SERVICE_SHAPE, children: { ...TASK_SERVICE_SHAPE.children, Supervision: TASK_SUPERVISION } },
  },
};

/**
 * Reports repetitions, text in place of elements, elements in place of text and, where the reading is strict, unknown
 * names.
 */
export function checkShape(element: Element, shape: Shape, reading: Reading, owner = serviceLabel(element)): void {
  if (shape === "free") return;
  const structure = typeof shape === "string" ? LEAF : shape;
  const faults = [
    ...(structure.holdsText ? [] : strayText(element)),
    ...(reading.strict ? unknownNames(element, structure) : []),
    ...repetitions(element, structure),
  ];
  const part = element.name === "TaskService" ? [] : [element.name];
  reading.problems.push(...faults.map((fault) => ({ ...fault, owner, part })));
  for (const child of element.children) {
    const childShape = shapeOf(child, structure);
    if (childShape !== undefined) checkShape(child, childShape, reading, owner || serviceLabel(child));
  }
}

const LEAF: Structure = { holdsText: true, children: {} };

function shapeOf(child: Element, { children }: Structure): Shape | undefined {
  return Object.hasOwn(children, child.name) ? children[child.name] : undefined;
}

function strayText({ text, place }: Element): Problem[] {
  return text === "" ? [] : [{ place, message: `expected elements, got the text ${quote(text)}` }];
}

function unknownNames(element: Element, structure: Structure): Problem[] {
  const attributes = structure.attributes ?? [];
  return [
    ...element.attributes
      .filter(({ name }) => !attributes.includes(name))
      .map(({ name, place }) => ({ place, message: unknownAttribute(name, structure) })),
    ...element.children
      .filter((child) => shapeOf(child, structure) === undefined)
      .map(({ name, place }) => ({ place, message: unknownElement(name, structure) })),
  ];
}

function unknownAttribute(name: string, { attributes = [], misplaced, children }: Structure): string {
  const unknown = `unknown attribute "${shorten(name)}"`;
  if (misplaced?.attributes.includes(name)) return `${unknown}; it belongs to ${misplaced.where}`;
  if (Object.hasOwn(children, name)) return `${unknown}; write it as an element, <${name}>`;
  if (attributes.length === 0) return `${unknown}; there are none here`;
  return unknown + (didYouMean(name, attributes) || `; known here: ${attributes.join(", ")}`);
}

function unknownElement(name: string, { attributes = [], children }: Structure): string {
  const known = Object.keys(children);
  if (attributes.includes(name)) return `unknown element <${shorten(name)}>; write it as an attribute, ${name}="…"`;
  if (known.length === 0) return `expected text, got the element <${shorten(name)}>`;
  const meant = nearest(name, known);
  const advice = meant === undefined ? `known here: <${known.join(">, <")}>` : `did you mean <${meant}>?`;
  return `unknown element <${shorten(name)}>; ${advice}`;
}

/** The second and further elements of a name that may be used once. */
function repetitions(element: Element, structure: Structure): Problem[] {
  const seen = new Set<string>();
  return element.children.flatMap((child) => {
    const shape = shapeOf(child, structure);
    const isRepetition = seen.has(child.name) && shape !== undefined && !mayRepeat(shape);
    seen.add(child.name);
    return isRepetition ? { place: child.place, message: `expected one <${child.name}>, got another` } : [];
  });
}

function mayRepeat(shape: Shape): boolean {
  return shape === "texts" || (typeof shape === "object" && shape.many === true);
}
