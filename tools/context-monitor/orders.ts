// What the live table can order, and how that is asked and told. Pure.

export type TaskAction = "start" | "stop" | "restart";

export type Order =
  | { kind: "task"; action: TaskAction; transaction: string; task: string }
  /** Starts a transaction, where none runs. */
  | { kind: "begin" }
  | { kind: "letter"; action: "replay" | "discard"; id: string; event: string; group: string };

/** What is asked before an order is carried out. */
export function questionOf(order: Order): string {
  switch (order.kind) {
    case "task":
      return `Really ${order.action} ${order.task}?`;
    case "begin":
      return "Start a transaction?";
    case "letter":
      return `Really ${order.action === "discard" ? "forget" : "replay"} ${order.event} of group ${order.group}?`;
  }
}

/** An order in words: what is being done. */
export function wordsOf(order: Order): string {
  switch (order.kind) {
    case "task":
      return `${order.action} ${order.task}`;
    case "begin":
      return "start";
    case "letter":
      return `${order.action} ${order.event} of group ${order.group}`;
  }
}
