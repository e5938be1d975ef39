// The programs that the supervisors run: each does one thing wrong, or nothing. Every process writes a line to a journal when
// it is ready: task, role, pid. A task is complete when all its `roles` have written one.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOR_EVER = "exec sleep 86400";
// A shell lets what it starts in the background ignore SIGINT, which is pm2's stop signal. These must receive it.
const HEARING = `env --default-signal=INT,TERM sh "$0" child`;

export const leaderExitsChildIgnores = shell(`trap 'exit 0' TERM INT; sh "$0" child & note; wait`, {
  child: `trap '' TERM INT; note; ${FOR_EVER}`,
});
export const allIgnore = shell(`trap '' TERM INT; sh "$0" child & note; wait`, { child: `note; ${FOR_EVER}` });
export const hasSetsidDescendant = shell(`setsid ${HEARING} & note; ${FOR_EVER}`, { child: `note; ${FOR_EVER}` });
export const hasDaemon = shell(`(setsid ${HEARING} &); note; ${FOR_EVER}`, { child: `note; ${FOR_EVER}` });
export const hasChild = shell(`sh "$0" child & note; wait`, { child: `note; ${FOR_EVER}` });
export const idle = shell(`note; ${FOR_EVER}`);
export const exitsAtOnce = shell("note; exit 1");
export const exitsSoon = shell("note; sleep 1.5; exit 1");

export const steady = node({
  roles: ["leader"],
  plain: `note("leader"); setInterval(() => {}, 1_000_000);`,
  run: `note("leader"); await scope.sleep(1_000_000_000);`,
});
export const blocks = node({
  roles: ["leader", "blocked"],
  plain: `note("leader"); setTimeout(() => { note("blocked"); for (;;); }, 500);`,
  run: `note("leader"); await scope.sleep(500); note("blocked"); for (;;);`,
});
// Only zcontext lets a program say that it is ready without being asked to by an option: elsewhere it just runs.
export const neverReady = node({
  roles: ["leader"],
  plain: `note("leader"); setInterval(() => {}, 1_000_000);`,
  load: `note("leader"); await new Promise(() => {});`,
});

function shell(leader, others = {}) {
  const cases = Object.entries({ leader, ...others }).map(([role, text]) => `${role}) ${text} ;;`);
  const text = (id) => `role=\${1:-leader}
note() { echo "${id} $role $$" >> "$SCOREBOARD_JOURNAL"; }
case $role in
${cases.join("\n")}
esac
`;
  return { isNode: false, roles: ["leader", ...Object.keys(others)], text };
}

function node({ roles, plain, load = "", run = "" }) {
  const note = (id) =>
    `const note = (role) => appendFileSync(process.env.SCOREBOARD_JOURNAL, \`${id} \${role} \${process.pid}\\n\`);`;
  return {
    isNode: true,
    roles,
    text: (id) => `const { appendFileSync } = require("node:fs");\n${note(id)}\n${plain}\n`,
    service: (id) => `import { appendFileSync } from "node:fs";
${note(id)}
${load}
export default { name: "${id}", description: "", task: { kind: "single", async run(scope) { ${run} } } };
`,
  };
}

/** Writes the program of a task. @returns the words that run it */
export function writeProgram(folder, { id, program }) {
  const path = join(folder, `${id}.${program.isNode ? "cjs" : "sh"}`);
  writeFileSync(path, program.text(id));
  return [program.isNode ? process.execPath : "sh", path];
}

/** Writes the same as a task service of zcontext. @returns the name of its instance */
export function writeService(folder, { id, program }) {
  mkdirSync(join(folder, "services", id), { recursive: true });
  writeFileSync(join(folder, "services", id, `Service${id}.mjs`), program.service(id));
  return id;
}
