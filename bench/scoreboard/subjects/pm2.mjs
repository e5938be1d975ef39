// Runs the tasks of a stage under pm2, which is installed apart from this package.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../process-table.mjs";
import { writeProgram } from "../programs.mjs";

/** @param installation - The folder where pm2 is; it is installed there when it is not. */
export function findPm2({ installation }) {
  const home = join(installation, "node_modules", "pm2");
  const refusal = existsSync(home) ? undefined : install(installation);
  if (refusal !== undefined) return { missing: `npm install --prefix FOLDER pm2@7, and --pm2 FOLDER (${refusal})` };
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  return { title: `pm2 ${version}`, healthy: "online", prepare };

  function prepare(stage, tasks) {
    const file = join(stage.folder, "ecosystem.config.cjs");
    const own = { PM2_HOME: join(stage.folder, "pm2") };
    const control = (...words) => stage.command(process.execPath, [join(home, "bin", "pm2"), ...words], own);
    const pidFile = join(own.PM2_HOME, "pm2.pid");
    writeFileSync(
      file,
      `module.exports = ${JSON.stringify({ apps: tasks.map((task) => app(stage.folder, task)) })};\n`,
    );
    return {
      pid: undefined,
      async start() {
        const { code, stderr } = await control("start", file);
        if (code !== 0) throw new Error(`pm2 start: ${stderr}`);
        this.pid = Number(readFileSync(pidFile, "utf8"));
      },
      stop: () => control("stop", "all"),
      async stateOf(id) {
        const { stdout } = await control("jlist");
        const list = JSON.parse(stdout.slice(stdout.indexOf("[")));
        return list.find(({ name }) => name === id)?.pm2_env.status ?? "nothing";
      },
      async end() {
        // Without its daemon the command would start one.
        if (this.pid === undefined || !stage.isAlive(this.pid)) return;
        await control("kill");
        if (!(await until(() => !stage.isAlive(this.pid), 5_000))) throw new Error("pm2 kill has left the daemon");
      },
    };
  }
}

function app(folder, task) {
  const [program, ...words] = writeProgram(folder, task);
  const common = { name: task.id, kill_timeout: 2_000 };
  if (task.program.isNode) return { ...common, script: words[0] };
  return { ...common, script: program, args: words, interpreter: "none" };
}

/** @returns why not */
function install(folder) {
  mkdirSync(folder, { recursive: true });
  console.error("installing pm2 …");
  const words = ["install", "--prefix", folder, "--no-audit", "--no-fund", "pm2@7"];
  const { status, stderr, error } = spawnSync("npm", words, { encoding: "utf8", timeout: 120_000 });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim().split("\n")[0];
}
