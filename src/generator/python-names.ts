// Names of the functions that handle something in a class of Python, where each name is there once. Pure.
import type { ListedService } from "../config/service-list/service-list.ts";

/** A handler: what it is for, and the name of its function. */
interface Handler {
  of: string;
  function: string;
  /** Whether the function is named as what it is for. */
  isNamesake: boolean;
}

export interface PythonHandlers {
  events: Handler[];
  methods: Handler[];
  actions: Handler[];
  /** Of queues. */
  streams: Handler[];
}

/** What a class of a task has under these names, and the decorators in it. */
const TAKEN = ["kind", "group", "run", "start", "stop", "state_update", "event", "method", "action", "stream"];

/** An action has its own name before a method, since it is called by it. */
export function pythonHandlersOf({ listens, serves, actions, consumes }: ListedService): PythonHandlers {
  const taken = new Set(TAKEN);

  function handler(of: string, wanted: string): Handler {
    let name = wanted;
    for (let number = 2; taken.has(name); number += 1) name = `${wanted}_${number}`;
    taken.add(name);
    return { of, function: name, isNamesake: name === of };
  }

  const named = actions.map((action) => handler(action, action));
  return {
    actions: named,
    methods: serves.map((method) => handler(method, method)),
    streams: consumes.map((queue) => handler(queue, `take_${queue.replace(/\W/g, "_")}`)),
    events: listens.map((event) => handler(event, `on_${event.replace(/\W/g, "_")}`)),
  };
}
