// Opens what the service Hub works with: its key, its credentials, and the store of installed services; and installs through
// the provider that runs. Nothing of the credentials is said, kept or sent to anybody but the hub.
import { hostname } from "node:os";
import { isAbsolute, join } from "node:path";
import { ZcontextError } from "../../errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { anyObject, read } from "../../protocol/schema.ts";
import { readSecretFile } from "../../secret-file.ts";
import { readLogin } from "../com/open-provider.ts";
import { openSettings } from "../com/settings-file.ts";
import { type Apply, activationBy } from "../install/activation.ts";
import { installFrom, type PlanOptions, planFrom, type StepOutcome } from "../install/install.ts";
import { loadPublicKey } from "../install/pinned-key.ts";
import { openStore, readCurrent, storeFolderOf } from "../install/store.ts";
import { askHub } from "./ask-hub.ts";
import type { HubConfiguration } from "./hub-configuration.ts";
import { type Membership, startMembership } from "./membership.ts";

export interface OpenMembershipOptions {
  configuration: HubConfiguration;
  /** Of the context file: paths in the configuration are relative to it. */
  contextFolder: string;
  stateDir: string;
  /** Where it keeps what the hub says of Com. */
  settingsFile: string;
  apply: Apply;
  say(line: string): void;
  warn(line: string): void;
}

export interface OpenMembership extends Membership {
  /** What the hub has said of Com, with the name of the node; undefined before the first sign-in ever. */
  readonly com: JsonObject | undefined;
}

/** @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID`, `ERR_CONFIG_INVALID`, `ERR_INSTALL_KEY`. */
export async function openMembership(options: OpenMembershipOptions): Promise<OpenMembership> {
  const { configuration, contextFolder, stateDir, settingsFile, apply, say, warn } = options;
  const at = (path: string) => (isAbsolute(path) ? path : join(contextFolder, path));
  const { url, tags, periodMs } = configuration;
  const login = readLogin("Hub", await readSecretFile("Hub, <credentials_file>", at(configuration.credentialsFile)));
  const key = await loadPublicKey(at(configuration.keyFile));
  const store = storeFolderOf(stateDir);
  const settings = await openSettings<JsonObject>(settingsFile, {
    read: (value) => read(anyObject, value).value,
    initial: {},
    warn,
  });
  const closing = new AbortController();
  /** The hash of the manifest whose steps were all tried: without being asked, that is not done again. */
  let tried: string | undefined;

  async function install(manifest: string, isAsked: boolean): Promise<readonly StepOutcome[]> {
    if (!URL.canParse(manifest, url.href))
      throw new ZcontextError("ERR_SIGN_IN", `${url.origin}: the place of its manifest is no URL`);
    const plan: PlanOptions = {
      from: new URL(manifest, url).href,
      key,
      store,
      node: { names: [...new Set([login.user, hostname()])], tags },
      nowMs: Date.now(),
    };
    const isKnown = !isAsked && tried !== undefined && (await planFrom(plan)).sha256 === tried;
    if (isKnown) return [];
    await using opened = await openStore(store);
    const outcomes = await installFrom({ ...plan, store: opened, ...activationBy(apply), onStep: tell });
    const isWhole = !outcomes.some(({ error }) => error?.code === "ERR_INSTALL_DOWNLOAD");
    tried = isWhole ? (await opened.read()).seen?.sha256 : undefined;
    return outcomes;
  }

  function tell({ step: { name, version, action, reason }, error }: StepOutcome): void {
    if (error !== undefined) warn(`${name} ${version} is not installed, ${error.code}: ${error.message}`);
    else if (action !== "keep") say(`${name} ${version}: ${action}, ${reason}`);
  }

  let isSignedIn = false;
  const membership = startMembership(
    {
      async signIn() {
        const { services } = await readCurrent(store);
        const installed = services.map(({ name, version }) => ({ name, version }));
        const request = { node: login.user, machine: hostname(), tags, services: installed };
        const answer = await askHub(url, request, { ...login, signal: closing.signal });
        if (!isSignedIn) say(`signed in at ${url.origin} as ${login.user}`);
        isSignedIn = true;
        return answer;
      },
      install,
      async keep(com) {
        const told = { ...com, node: login.user };
        if (JSON.stringify(told) !== JSON.stringify(settings.value)) await settings.write(told);
      },
      warn,
    },
    { periodMs },
  );
  return {
    get com() {
      return settings.value.node === undefined ? undefined : settings.value;
    },
    update: membership.update,
    async close() {
      closing.abort();
      await membership.close();
    },
  };
}
