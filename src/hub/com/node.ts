// A node as its hub sees it: takes what the hub wants and tells, has it carried out by the services of the node, and says
// what has become of it. Changes follow each other: the next one begins when the one before has been carried out.
import { reasonOf } from "../../errors.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import { type Answer, failed } from "../contract/shapes.ts";
import { type DesiredChange, desiredAfter, mergePatch, type NodeState, type Twin } from "../contract/twin.ts";
import { type NodeCommand, readCommand, readMethod } from "./commands.ts";
import { type Memory, NO_MEMORY, stateAfter, twinOf } from "./node-state.ts";

/** What a node has done by others. */
export interface NodeHands {
  /** Starts or stops the custom services. @returns What was done. @throws What kept it from that. */
  setEnabled(isEnabled: boolean): Promise<Json>;
  /** Tells all services of the whole twin. */
  tellTwin(twin: Twin): Promise<void>;
  /** Tells the logger what of the services' lines the hub gets. */
  tellForwarding(state: NodeState): Promise<void>;
  /** Has a service do an action. */
  ask(service: string, action: string, message: Json): Promise<Json>;
  /** What else there is to say of the node; nothing of its environment. */
  facts(): JsonObject;
  /** Keeps what the node knows of itself. */
  keep(memory: Memory): Promise<void>;
  /** The hub is to know of the reported state. */
  report(): void;
  /** The whole twin has to be read again. */
  readTwin(): void;
  /** Writes a refusal down. */
  audit(kind: "command" | "method", name: string, why: string): Promise<void>;
  say(line: string): void;
  warn(line: string): void;
  now(): Date;
}

export interface HubNode {
  readonly twin: Twin;
  readonly state: NodeState;
  /** Brings about what the node remembers, at its start. */
  begin(): void;
  /** The whole desired state, at a connection. All services are told of the twin, whether it has changed or not. */
  connected(desired: JsonObject): void;
  desired(change: DesiredChange): void;
  method(name: string, payload: Json): Promise<Answer>;
  command(name: string, payload: Json): Promise<Answer>;
  /** Merges what a service has to report into the reported state. */
  report(patch: JsonObject): Promise<void>;
  /** Resolves when all that was told so far has been carried out. */
  idle(): Promise<void>;
}

export function createNode(remembered: Memory, hands: NodeHands): HubNode {
  let memory = remembered;
  let work: Promise<unknown> = Promise.resolve();
  /** What the processes of the custom services are told to be; the provider starts them with the context. */
  let isEnabled = true;

  /** Carries out one thing after the other. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = work.then(act);
    work = done.catch(() => {});
    return done;
  }

  function aside(act: () => Promise<void>): void {
    inTurn(act).catch((error) => hands.warn(`what the hub wants is not carried out: ${reasonOf(error)}`));
  }

  async function remember(next: Partial<Memory>): Promise<void> {
    memory = { ...memory, ...next };
    await hands.keep(memory).catch((error) => hands.warn(`what the node is told is not kept: ${reasonOf(error)}`));
  }

  /** Makes the node what it is told to be. @returns What was done to the custom services. */
  async function become(state: NodeState): Promise<Json> {
    const before = memory.state;
    if (state.debug !== before.debug || state.tracking !== before.tracking) await hands.tellForwarding(state);
    const done = state.enabled === isEnabled ? undefined : await hands.setEnabled(state.enabled);
    isEnabled = state.enabled;
    await remember({ state });
    return done ?? { [state.enabled ? "started" : "stopped"]: [] };
  }

  async function take(change: DesiredChange, isFirst: boolean): Promise<void> {
    const consequence = desiredAfter(memory.desired, change);
    if (consequence.kind === "gap") return hands.readTwin();
    if (consequence.kind === "same" && !isFirst) return;
    if (consequence.kind === "changed") {
      const state = stateAfter(memory, consequence.desired);
      await remember({ desired: consequence.desired });
      await become(state).catch((error) => hands.warn(`what the hub wants is not carried out: ${reasonOf(error)}`));
    }
    hands.report();
    await hands.tellTwin(twinOf(memory));
  }

  async function changeTo(change: Partial<NodeState>): Promise<Answer> {
    const payload = await become({ ...memory.state, ...change });
    hands.report();
    await hands.tellTwin(twinOf(memory));
    return { status: 200, payload };
  }

  async function carryOut(command: NodeCommand): Promise<Answer> {
    switch (command.name) {
      case "ping":
        return { status: 200, payload: { pong: true, time: hands.now().toISOString() } };
      case "restart": {
        const stopped = await hands.setEnabled(false);
        const started = memory.state.enabled ? await hands.setEnabled(true) : { started: [] };
        return { status: 200, payload: { ...Object(stopped), ...Object(started) } };
      }
      case "reset": {
        await become(NO_MEMORY.state);
        await remember(NO_MEMORY);
        hands.report();
        hands.readTwin();
        return { status: 200, payload: { reset: true } };
      }
      case "changeState":
        return changeTo({ enabled: command.enabled });
      case "changeDebug":
        return { status: 200, payload: await changed({ debug: command.debug }) };
      case "changeTracking":
        return { status: 200, payload: await changed({ tracking: command.tracking }) };
      case "reportState":
        hands.report();
        return { status: 200, payload: { ...hands.facts(), ...Object(twinOf(memory)) } };
      case "sendMessage":
        return passOn(command.service, command.action, command.message);
      case "update":
        return passOn("hub", "Update", command.payload);
    }
  }

  async function changed(change: Partial<NodeState>): Promise<Json> {
    await changeTo(change);
    return { ...memory.state };
  }

  async function passOn(service: string, action: string, message: Json): Promise<Answer> {
    try {
      return { status: 200, payload: (await hands.ask(service, action, message)) ?? null };
    } catch (error) {
      const { code = "ERR_SERVICE_FAILED" } = Object(error);
      const isAbsent = code === "ERR_SERVICE_UNKNOWN" || code === "ERR_ACTION_UNKNOWN";
      return failed(isAbsent ? 501 : 500, String(code), reasonOf(error));
    }
  }

  async function answered(kind: "command" | "method", name: string, act: () => Promise<Answer>): Promise<Answer> {
    try {
      return await act();
    } catch (error) {
      hands.warn(`${kind} ${name}: ${reasonOf(error)}`);
      return failed(500, String(Object(error).code ?? "ERR_SERVICE_FAILED"), reasonOf(error));
    }
  }

  async function refuse(kind: "command" | "method", name: string, answer: Answer, why?: string): Promise<Answer> {
    if (why === undefined) return answer;
    hands.warn(`${kind} ${JSON.stringify(name)} was refused: ${why}`);
    await hands.audit(kind, name, why).catch((error) => hands.warn(`the audit can't be written: ${reasonOf(error)}`));
    return answer;
  }

  return {
    get twin() {
      return twinOf(memory);
    },
    get state() {
      return memory.state;
    },
    begin() {
      const { enabled } = memory.state;
      if (enabled) return;
      inTurn(async () => {
        await hands.setEnabled(false);
        isEnabled = false;
        hands.say("the custom services are stopped, as the hub has told this node before");
      }).catch((error) => hands.warn(`the custom services are not stopped: ${reasonOf(error)}`));
    },
    connected(desired) {
      aside(() => take({ kind: "whole", desired }, true));
    },
    desired(change) {
      aside(() => take(change, false));
    },
    method(name) {
      const read = readMethod(name);
      if ("answer" in read) return refuse("method", name, read.answer, read.refused);
      return answered("method", name, () => inTurn(() => changeTo(read)));
    },
    command(name, payload) {
      const read = readCommand(name, payload);
      if ("answer" in read) return refuse("command", name, read.answer, read.refused);
      const { command } = read;
      // What a service is asked for may take long, and changes nothing here.
      const isAside = command.name === "sendMessage" || command.name === "update" || command.name === "ping";
      const act = () => carryOut(command);
      return answered("command", name, () => (isAside ? act() : inTurn(act)));
    },
    async report(patch) {
      await remember({ reported: mergePatch(memory.reported, patch) });
      hands.report();
    },
    async idle() {
      await work;
    },
  };
}
