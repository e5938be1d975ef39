// Installs what a signed manifest says, one service after the other: download, check, unpack, try, and put in force or roll back.
// A service that is refused or does not become ready stops no other. Each step is written to the audit.
import { createHash, type KeyObject } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { admit } from "./admission.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { pathError, shown } from "./names.ts";
import { afterStep, type InstalledService, type NodeIdentity, planInstallation, type Step, versionOf } from "./plan.ts";
import { checkSignature } from "./signature.ts";
import { fetchArchive, fetchManifest } from "./source.ts";
import { folderOf, readCurrent, type Store, type StoreState } from "./store.ts";

export interface CheckedManifest {
  manifest: Manifest;
  /** Of its bytes. */
  sha256: string;
  steps: readonly Step[];
}

export interface PlanOptions {
  /** A URL or a path of the manifest, or of its folder. */
  from: string;
  /** The pinned public key of the hub. */
  key: KeyObject;
  /** Folder of the store. */
  store: string;
  node: NodeIdentity;
  nowMs: number;
}

/** What became of one step. */
export interface StepOutcome {
  step: Step;
  /** Why it was not done; the version before runs then, where there was one. */
  error?: ZcontextError;
}

/**
 * Runs a list of services instead of the present one.
 *
 * @throws What says why it is not possible; the present services then run as before.
 */
export type Activate = (change: { services: readonly InstalledService[]; step: Step }) => Promise<void>;

/**
 * Reads the manifest of a hub, checks it, and says what would be done. Changes nothing.
 *
 * @throws {ZcontextError} `ERR_INSTALL_…`: the whole manifest is refused.
 */
export async function planFrom({ from, key, store, node, nowMs }: PlanOptions): Promise<CheckedManifest> {
  const { bytes, signature } = await fetchManifest(from);
  checkSignature(bytes, signature, key);
  const manifest = readManifest(bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { seen, services } = await readCurrent(store);
  admit(manifest, { nowMs, sha256, seen });
  return { manifest, sha256, steps: planInstallation(manifest, services, node) };
}

/**
 * Does what `planFrom` says.
 *
 * @param restore - Called when a step has failed and what was on trial is withdrawn.
 * @param onStep - Called with each step that is done, or not.
 * @throws {ZcontextError} `ERR_INSTALL_…` where the whole manifest is refused, which the audit has as well.
 */
export async function installFrom(
  options: Omit<PlanOptions, "store"> & {
    store: Store;
    activate: Activate;
    restore?(): Promise<void>;
    onStep?(outcome: StepOutcome): void;
  },
): Promise<StepOutcome[]> {
  const { store, from, activate, restore = async () => {}, onStep = () => {} } = options;
  const { manifest, sha256, steps } = await planFrom({ ...options, store: store.folder }).catch(async (error) => {
    await store.audit({ step: "refused", ...reasons(error) });
    throw error;
  });
  const { catalogVersion } = manifest;
  await store.audit({ step: "manifest", catalogVersion, detail: `SHA-256 ${sha256}` });
  // What was taken counts from now on, whatever becomes of its services: an older one is never taken again.
  await store.write({ ...(await store.read()), seen: { catalogVersion, sha256 } });
  const outcomes: StepOutcome[] = [];
  for (const step of steps) {
    const outcome = await take(step, { store, from, activate, restore });
    outcomes.push(outcome);
    onStep(outcome);
  }
  await store.prune();
  return outcomes;
}

interface Means {
  store: Store;
  from: string;
  activate: Activate;
  restore(): Promise<void>;
}

async function take(step: Step, means: Means): Promise<StepOutcome> {
  const { store } = means;
  const { name: service, version, action } = step;
  try {
    if (action === "skip" || action === "keep")
      await store.audit({ step: action, service, version, detail: step.reason });
    else await change(step, means);
    return { step };
  } catch (error) {
    await store.withdraw();
    await means.restore().catch((failure: unknown) => store.audit({ step: "restore", service, ...reasons(failure) }));
    const known = error instanceof ZcontextError ? error : undefined;
    await store.audit({ step: "rolled-back", service, version, ...reasons(error) });
    return { step, error: known ?? new ZcontextError("ERR_INSTALL_NOT_READY", reasonOf(error), { cause: error }) };
  }
}

async function change(step: Step, { store, from, activate }: Means): Promise<void> {
  const { name: service, version, action } = step;
  if (step.service !== undefined) await bring(step, { store, from });
  const present = await store.read();
  const next: StoreState = { ...present, services: afterStep(present.services, step) };
  await store.propose(next);
  await store.audit({ step: "trial", service, version, detail: `${action}: ${step.reason}` });
  await activate({ services: next.services, step });
  await store.accept();
  await store.audit({ step: action === "remove" ? "removed" : "installed", service, version });
}

/** Brings the files of a version into the store. Another config of files that are there needs none. */
async function bring({ name, version, service }: Step, { store, from }: Pick<Means, "store" | "from">): Promise<void> {
  if (service === undefined) return;
  const target = folderOf(store.folder, name, versionOf(service));
  const { services } = await store.read();
  const present = services.find((other) => other.name === name);
  const isThere = [present, present?.previous].some(
    (known) => known?.sha256 === service.sha256 && known.version === version,
  );
  if (isThere && (await isFile(join(target, service.entry)))) return;
  const staged = await store.stage(name);
  const [archive, files] = [join(staged, "archive.tgz"), join(staged, "files")];
  await fetchArchive(from, service, archive);
  await store.audit({
    step: "downloaded",
    service: name,
    version,
    detail: `${service.size} bytes, SHA-256 ${service.sha256}`,
  });
  await mkdir(files, { mode: 0o700 });
  // Loaded when there is something to unpack: most starts of a node change nothing.
  const { unpack } = await import("./archive.ts");
  await unpack(archive, files);
  if (!(await isFile(join(files, service.entry))))
    throw pathError(`${name} ${version}: its archive has no file ${shown(service.entry)}, which is its entry`);
  await store.place(files, name, versionOf(service));
  await store.audit({ step: "unpacked", service: name, version, detail: target });
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function reasons(error: unknown): { code?: string; detail: string } {
  return { ...(error instanceof ZcontextError && { code: error.code }), detail: reasonOf(error) };
}
