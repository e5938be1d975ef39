// Runs the tasks of a stage under supervisord, as the system has it.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeProgram } from "../programs.mjs";

/** @param hasGroups - Whether it is told to signal groups, which it does not by default. */
export function findSupervisord({ hasGroups }) {
  const { status, stdout } = spawnSync("supervisord", ["--version"], { encoding: "utf8" });
  if (status !== 0) return { missing: "apt-get install supervisor" };
  const title = `supervisord ${stdout.trim()}${hasGroups ? ", stopasgroup and killasgroup" : ""}`;
  return { title, healthy: "RUNNING", prepare };

  function prepare(stage, tasks) {
    const file = join(stage.folder, "supervisord.conf");
    writeFileSync(file, [base(stage.folder), ...tasks.map((task) => section(stage.folder, task))].join("\n"));
    const control = (...words) => stage.command("supervisorctl", ["-c", file, ...words]);
    return {
      pid: undefined,
      async start() {
        this.pid = await stage.spawn("supervisord", ["-c", file]);
      },
      stop: () => control("stop", "all"),
      async stateOf(id) {
        const { stdout } = await control("status", id);
        return stdout.trim().split(/\s+/)[1] ?? "nothing";
      },
      end() {
        return stage.terminate(this.pid);
      },
    };
  }

  function section(folder, task) {
    const command = writeProgram(folder, task).map((word) => `'${word}'`);
    const groups = hasGroups ? "stopasgroup=true\nkillasgroup=true\n" : "";
    return `[program:${task.id}]\ncommand=${command.join(" ")}\nstopwaitsecs=2\n${groups}`;
  }
}

function base(folder) {
  return `[unix_http_server]
file=${folder}/socket
[supervisord]
nodaemon=true
logfile=${folder}/supervisord.log
pidfile=${folder}/supervisord.pid
childlogdir=${folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${folder}/socket
`;
}
