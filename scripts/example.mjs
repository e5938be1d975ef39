// `npm run example`: builds what is not built yet, runs the first example until Ctrl-C, and says what to try next.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isBuilt } from "./built.mjs";

const FILE = "conf/Context-EchoAction.xml";
const NEXT = `
next, in this folder:
  npx service-context ${FILE} --start --http 8080   the same, with a page at http://127.0.0.1:8080/
  npx zcontext logs -f ${FILE}                      what it has printed
  npx service-context conf/Context-StateMachine.xml --until-done            four tasks that start and stop each other
  npx zcontext run conf/Context-Orders.xml                                  services that talk
README.md and docs/tutorial.md go on from there; \`npx zcontext --help\` lists the verbs.`;

const inScripts = (path) => fileURLToPath(new URL(path, import.meta.url));
const say = (text) => process.stderr.write(`${text}\n`);

if (!isBuilt()) {
  say("building; this takes a minute the first time …");
  const { status } = spawnSync(process.execPath, [inScripts("build.mjs")], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
say(`running ${FILE}: its task counts down and prints the time. Ctrl-C ends it.`);
const provider = spawn(process.execPath, [inScripts("../dist/bin/service-context.cjs"), FILE, "--start"], {
  stdio: "inherit",
});
// A terminal sends SIGINT to the provider as well.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => provider.kill("SIGTERM"));
provider.on("close", (code) => {
  if (code === 0) say(NEXT);
  process.exitCode = code ?? 1;
});
