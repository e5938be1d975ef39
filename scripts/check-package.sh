#!/usr/bin/env bash
# Packs the package, installs it into an empty folder, and runs a context from there: what a user gets, nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tarball=$(npm pack --silent --pack-destination "$work" | tail -n 1)
mkdir -p "$work/user/conf" "$work/user/services/Greet"
cd "$work/user"
npm init -y >/dev/null
npm install --silent "$work/$tarball"

# The examples that come with the package, on ports the system chooses.
sed -E 's#(tcp://127\.0\.0\.1:)[0-9]+#\1*#' node_modules/zcontext/conf/Context-StateMachine.xml > conf/Context-StateMachine.xml
cp -r node_modules/zcontext/services/S00* services/
npx --no-install service-context conf/Context-StateMachine.xml --check
npx --no-install service-context conf/Context-StateMachine.xml --until-done

# A service and a program of the user's own.
cat > services/Greet/ServiceGreet.ts <<'TS'
import { defineService, defineTask } from "zcontext/tasks";

const task = defineTask<{ name: string }>({
  kind: "single",
  run: async (scope) => scope.update({ greeting: `hello, ${scope.configuration.name}` }),
});
export default defineService({ name: "greet", description: "Greets once", task });
TS
sed -e '/<TaskService/,$d' conf/Context-StateMachine.xml > conf/Context-Greet.xml
cat >> conf/Context-Greet.xml <<'XML'
  <TaskService id="ts_1" topic="process" instance="Greet" serviceType="Process">
    <Task>
      <message>
        <header><service_name>greet</service_name></header>
        <content><configuration><name>world</name></configuration></content>
      </message>
      <state type="on_start"/>
    </Task>
  </TaskService>
</Context>
XML
npx --no-install service-context conf/Context-Greet.xml --until-done --json | grep -q '"state":"exited"'
node --input-type=module -e '
  import { parseContextConfig } from "zcontext";
  import { readFileSync } from "node:fs";
  const { tasks } = parseContextConfig(readFileSync("conf/Context-Greet.xml", "utf8"));
  if (tasks[0].instance !== "Greet") throw new Error("the library does not read what the command reads");
'
for command in service-context conf-command context-monitor; do npx --no-install "$command" --version; done
echo "the packed package runs"
