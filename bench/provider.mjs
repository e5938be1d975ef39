// Shared by the benches: writes a context file of tasks, and runs the built command with it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const COMMAND = join(import.meta.dirname, "../dist/bin/service-context.cjs");

/** A task service that runs a program. */
export function executable(id, [command, ...words], { supervision = {}, readyAfterS = 0 } = {}) {
  const parts = [
    `<command>${command}</command>`,
    ...words.map((word) => `<argument>${word}</argument>`),
    `<ready_after_s>${readyAfterS}</ready_after_s>`,
  ];
  return taskXml({ id, instance: "Program", serviceType: "Executable", parts: parts.join(""), supervision });
}

/** A task service from the folder `services` beside the file. */
export function service(id, instance, supervision = {}) {
  return taskXml({ id, instance, serviceType: "Process", parts: "", supervision });
}

function taskXml({ id, instance, serviceType, parts, supervision }) {
  const attributes = Object.entries(supervision).map(([name, value]) => ` ${name}="${value}"`);
  return `<TaskService id="${id}" topic="process" instance="${instance}" serviceType="${serviceType}">
    ${parts}<Supervision${attributes.join("")}/><Task><message><header><service_name>${id}</service_name></header><content>
    <configuration><device_action/></configuration></content></message><state type="on_start"/></Task></TaskService>`;
}

/** Writes the context file; returns its path. */
export function writeContext(folder, tasks) {
  const ends = ["FrontEndEndpoint", "BackendEndpoint", "FrontBind", "BackendBind"].map(
    (name) => `<${name}>tcp://127.0.0.1:*</${name}>`,
  );
  const file = join(folder, "Context-Bench.xml");
  writeFileSync(file, `<Context>${ends.join("")}<TaskLogName>bench</TaskLogName>${tasks.join("\n")}</Context>`);
  return file;
}

/** Runs the built command, and reads its log. */
export async function runProvider(file, { words = [], environment = {} } = {}) {
  const child = spawn(process.execPath, [COMMAND, file, "--log_format", "json", ...words], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...environment },
  });
  const ended = once(child, "exit");
  const said = [];
  const listeners = new Set();
  createInterface({ input: child.stderr }).on("line", (text) => {
    said.push(JSON.parse(text));
    for (const hear of listeners) hear();
  });

  /** Resolves with lines of a kind once there are enough of them; `from` is how many to skip. */
  function next(wanted, isOfKind, from = said.length) {
    return new Promise((resolve) => {
      const hear = () => {
        const found = said.slice(from).filter(isOfKind);
        if (found.length < wanted) return;
        listeners.delete(hear);
        resolve(found);
      };
      listeners.add(hear);
      hear();
    });
  }

  const [endpoints] = await next(1, ({ msg }) => msg === "provider ready");
  return {
    pid: child.pid,
    endpoints,
    next,
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

/** False for zombies. */
export function isAlive(pid) {
  try {
    return !/^[ZX]/.test(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1));
  } catch {
    return false;
  }
}
