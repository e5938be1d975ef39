#!/usr/bin/env bash
# Packs the package, installs it into an empty folder, and runs contexts from there, as a user would.
set -euo pipefail
cd "$(dirname "$0")/.."
compiler=$PWD/node_modules/typescript/bin/tsc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tarball=$(npm pack --silent --pack-destination "$work" | tail -n 1)
mkdir -p "$work/user/conf" "$work/user/services"
cd "$work/user"
npm init -y >/dev/null
npm install --silent "$work/$tarball"

# The package's examples, on ports that the system chooses.
sed -E 's#(tcp://127\.0\.0\.1:)[0-9]+#\1*#' node_modules/zcontext/conf/Context-StateMachine.xml > conf/Context-StateMachine.xml
cp -r node_modules/zcontext/services/S00* services/
npx --no-install service-context conf/Context-StateMachine.xml --check
npx --no-install service-context conf/Context-StateMachine.xml --until-done --http 0

# What create-service writes must run, pass its own tests and have no type errors, without any edit.
npx --no-install create-service --context_name Greet --task_service Greet --task_type Single --task_id ts_1 \
  --task_desc "Greets once" --service_name greet --device_action greet --service_path . \
  --server_ip 127.0.0.1 --sub_port "*" --pub_port "*"
npx --no-install service-context conf/Context-Greet.xml --until-done --json | grep -q '"state":"exited"'
npx --no-install service-context conf/Context-Greet.xml --test
node "$compiler" --strict --noEmit --module nodenext services/Greet/*.ts

node --input-type=module -e '
  import { parseContextConfig } from "zcontext";
  import { readFileSync } from "node:fs";
  const { tasks } = parseContextConfig(readFileSync("conf/Context-Greet.xml", "utf8"));
  if (tasks[0].instance !== "Greet") throw new Error("the library does not read what the command reads");
'
for command in service-context create-service conf-command context-monitor context-bus; do npx --no-install "$command" --version; done
echo "the packed package runs"
