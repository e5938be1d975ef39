// Runs the tasks of a stage under zcontext, with or without a `<Supervision>` in its file.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeProgram, writeService } from "../programs.mjs";

const root = join(import.meta.dirname, "../../..");
const bin = (name) => join(root, "dist", "bin", `${name}.cjs`);
const TRANSACTION = "scoreboard";

/** @param isSupervised - Whether the file has `<Supervision>`; a trigger restarts the tasks where it has not. */
export function findZcontext({ isSupervised }) {
  if (!existsSync(bin("service-context"))) return { missing: "npm run build" };
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const title = `zcontext ${version}${isSupervised ? "" : ", without `<Supervision>`"}`;
  return { title, healthy: "running", prepare };

  function prepare(stage, tasks) {
    const file = join(stage.folder, "Context-Scoreboard.xml");
    writeFileSync(file, contextOf(tasks.map((task) => taskService(stage.folder, task))));
    const control = (action, ...words) =>
      stage.command(process.execPath, [
        ...[bin("conf-command"), "--action", action, "--context_file", file, "--transaction", TRANSACTION],
        ...words,
      ]);
    return {
      pid: undefined,
      async start() {
        this.pid = await stage.spawn(process.execPath, [bin("service-context"), file, "--start", TRANSACTION]);
      },
      stop: () => control("stop"),
      async stateOf(id) {
        const { stdout } = await control("request", "--json");
        const { tasks, reason } = JSON.parse(stdout);
        return tasks?.find((task) => task.id === id)?.state ?? reason ?? "nothing";
      },
      end() {
        return stage.terminate(this.pid);
      },
    };
  }

  function taskService(folder, task) {
    const { id, program } = task;
    const instance = program.isNode ? writeService(folder, task) : id;
    const command = program.isNode ? "" : `<command>${writeProgram(folder, task).map(quoted).join(" ")}</command>`;
    const supervision = isSupervised ? `<Supervision restart="on-failure" grace_s="2"/>` : "";
    const onFail = isSupervised ? "" : `<on_fail><action>restart</action><call>${id}</call></on_fail>`;
    return `<TaskService id="${id}" topic="process" instance="${instance}" serviceType="${program.isNode ? "Process" : "Executable"}">
  ${command}${supervision}
  <Task><message><header><service_name>${id}</service_name></header>
    <content><configuration><device_action/></configuration></content></message>
    <state type="on_start">${onFail}</state></Task>
</TaskService>`;
  }
}

function contextOf(taskServices) {
  const ends = ["FrontEndEndpoint", "BackendEndpoint", "FrontBind", "BackendBind"];
  const endpoints = ends.map((name) => `<${name}>tcp://127.0.0.1:*</${name}>`);
  return `<Context>\n${[...endpoints, "<TaskLogName>scoreboard</TaskLogName>", ...taskServices].join("\n")}\n</Context>\n`;
}

const quoted = (word) => `'${word}'`;
