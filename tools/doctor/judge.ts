// What is missing on a machine, and what follows from it for a provider there. Pure.

/** `missing`: a provider, or this context, can't do without it. `warning`: something is done less well, or later. */
export type Weight = "ok" | "warning" | "missing";

export interface Finding {
  /** What was looked at, in a word or two. */
  check: string;
  weight: Weight;
  /** What was found. */
  found: string;
  /** What that means, and what to do; none where all is well. */
  follows?: string;
}

/** What was found out about a machine. */
export interface MachineFacts {
  /** Of Node, such as `20.19.0`. */
  node: string;
  hasProc: boolean;
  /** Programs of the system that were found; `setpriv` only where it knows --pdeathsig. */
  programs: ReadonlySet<string>;
  /** Why no init reaps orphans. */
  initProblem: string | undefined;
  /** Why a native library can't be loaded, by its name; undefined where it can. */
  libraries: ReadonlyMap<string, string | undefined>;
  /** The hard limit of open files; undefined where it can't be read. */
  filesMax: number | undefined;
  /** Where running providers are found by the commands; undefined where no place takes a folder. */
  runFolder: string | undefined;
  /** Whether the kernel's count of processes that its OOM killer has ended can be read. */
  countsOom: boolean;
  /** The version of Python 3, and whether it has pyzmq; undefined where there is none. */
  python: { version: string; hasZmq: boolean } | undefined;
  /** The packages for servers that are installed. */
  peers: ReadonlySet<string>;
  /** What the kernel reads the time from; undefined where it does not say. */
  clock: string | undefined;
}

/** What a context file needs of it. */
export interface ContextFacts {
  file: string;
  tasks: number;
  usesPython: boolean;
  engine: string;
  /** Why its state folder can't be written. */
  stateFault: string | undefined;
  stateFolder: string;
  /** In MiB: what is free there, and what its logs may take. */
  freeMib: number | undefined;
  logsMib: number;
  /** Addresses that can't be bound now, with the reason; none is looked at while its provider runs. */
  portFaults: readonly string[];
  isRunning: boolean;
}

/** The packages that an engine needs beside zcontext. */
const PEERS: Readonly<Record<string, readonly string[]>> = {
  nats: ["@nats-io/transport-node", "@nats-io/jetstream"],
  rabbitmq: ["amqplib"],
};
/** What each program of the system is for. */
const PROGRAMS: readonly (readonly [name: string, isWhat: string, follows: string])[] = [
  [
    "setpriv",
    "setpriv with --pdeathsig",
    "after kill -9 of a provider, a task with a blocked event loop ends a moment later; install util-linux",
  ],
  ["prlimit", "prlimit", "files_max can't be set; install util-linux"],
  ["nice", "nice", "nice can't be set; install coreutils"],
  ["mkfifo", "mkfifo", "the output of tasks is a socket, so a program can't open /dev/stdout; install coreutils"],
];
/** Clocks that take a microsecond and more to read. */
const SLOW_CLOCKS = new Set(["hpet", "acpi_pm", "jiffies"]);
/** The first version of Node that will do. */
const NODE = [20, 19] as const;

/** What a provider needs for itself and for so many tasks; see `descriptorShortage`. */
type NeededFiles = (tasks: number, filesMax: number) => number | undefined;

/** In the order in which they are shown. */
export function judge(facts: MachineFacts, context: ContextFacts | undefined, neededFiles: NeededFiles): Finding[] {
  return [
    node(facts.node),
    ...[...facts.libraries].map(([name, fault]) => library(name, fault)),
    facts.hasProc
      ? fine("/proc", "there")
      : warning(
          "/proc",
          "not there",
          "figures and the search for left-over processes need it: a stop ends the process group alone",
        ),
    ...PROGRAMS.map(([name, what, follows]) =>
      facts.programs.has(name) ? fine(name, "found") : warning(name, `no ${what}`, follows),
    ),
    facts.initProblem === undefined
      ? fine("init", "orphans of tasks are reaped")
      : warning("init", "none", `orphans of tasks stay as zombies: ${facts.initProblem}`),
    openFiles(facts, context, neededFiles),
    facts.runFolder === undefined
      ? missing(
          "run folder",
          "neither /dev/shm nor /tmp can be written",
          "no command finds a provider; make one of them writable",
        )
      : fine("run folder", facts.runFolder),
    facts.countsOom
      ? fine("OOM killer", "its count can be read")
      : warning("OOM killer", "its count can't be read", "`zcontext why` can't tell that a SIGKILL was its"),
    clock(facts.clock),
    python(facts.python, context),
    ...peers(facts.peers, context),
    ...(context === undefined ? [] : contextFindings(context)),
  ];
}

function node(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isEnough = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  return isEnough ? fine("Node", version) : missing("Node", version, `zcontext needs Node ${NODE.join(".")} or later`);
}

function library(name: string, fault: string | undefined): Finding {
  if (fault === undefined) return fine(name, "loads");
  return missing(name, fault, "no provider starts; run `npm rebuild`, or install zcontext anew on this machine");
}

function openFiles({ filesMax }: MachineFacts, context: ContextFacts | undefined, neededFiles: NeededFiles): Finding {
  if (filesMax === undefined) return fine("open files", "no limit was found");
  const needed = neededFiles(context?.tasks ?? 0, filesMax);
  if (needed === undefined) return fine("open files", `limit ${filesMax}`);
  return missing(
    "open files",
    `limit ${filesMax}`,
    `${needed} are needed: raise ulimit -n, or LimitNOFILE of the unit`,
  );
}

function clock(source: string | undefined): Finding {
  if (source === undefined) return fine("clock", "not told");
  if (!SLOW_CLOCKS.has(source)) return fine("clock", source);
  return warning("clock", source, "each look at the time is slow: expect more processor time of provider and tasks");
}

function python(found: MachineFacts["python"], context: ContextFacts | undefined): Finding {
  const weigh = context?.usesPython ? missing : warning;
  const follows = "services in Python can't run";
  if (found === undefined) return weigh("Python", "no python3", `${follows}; install it, with pyzmq`);
  const { version, hasZmq } = found;
  return hasZmq
    ? fine("Python", `${version} with pyzmq`)
    : weigh("Python", `${version} without pyzmq`, `${follows}; pip install pyzmq`);
}

/** Only of the engine that the context has: most contexts need none. */
function peers(installed: ReadonlySet<string>, context: ContextFacts | undefined): Finding[] {
  return (PEERS[context?.engine ?? ""] ?? []).map((name) =>
    installed.has(name)
      ? fine(name, "installed")
      : missing(name, "not installed", `the context's messages can't reach their server; npm install ${name}`),
  );
}

function contextFindings({
  stateFault,
  stateFolder,
  freeMib,
  logsMib,
  portFaults,
  isRunning,
  file,
}: ContextFacts): Finding[] {
  const isTight = freeMib !== undefined && freeMib < logsMib;
  return [
    stateFault === undefined
      ? fine("state folder", stateFolder)
      : missing(
          "state folder",
          stateFault,
          "no journal and no logs: make it writable, or name another with --state-dir",
        ),
    ...(isTight
      ? [
          warning(
            "disk",
            `${freeMib} MiB free in ${stateFolder}`,
            `logs may grow to ${logsMib} MiB; lower total_mib of <Logs>`,
          ),
        ]
      : []),
    ...portFaults.map((fault) => missing("ports", fault, `no provider of ${file} starts; choose another port, or *`)),
    ...(portFaults.length === 0 ? [fine("ports", isRunning ? "held by the running provider" : "free")] : []),
  ];
}

function fine(check: string, found: string): Finding {
  return { check, weight: "ok", found };
}

function warning(check: string, found: string, follows: string): Finding {
  return { check, weight: "warning", found, follows };
}

function missing(check: string, found: string, follows: string): Finding {
  return { check, weight: "missing", found, follows };
}
