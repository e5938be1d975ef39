// Decides which entries of an archive are written: files and folders below the folder of the service, each once, within
// bounds. One entry that is anything else refuses the whole archive. Pure.
import { ZcontextError } from "../../errors.ts";
import { MAX_ENTRIES, MAX_UNPACKED_BYTES } from "./bounds.ts";
import { sizeError } from "./manifest.ts";
import { foldedPath, pathError, problemOf, shown } from "./names.ts";

/** An entry as its header has it. */
export interface Entry {
  path: string;
  /** As the library names it, such as `File` or `SymbolicLink`. */
  type: string;
  size: number;
}

const FILES = ["File", "OldFile", "ContiguousFile"];
const LINKS = ["Link", "SymbolicLink"];
/** The folder that was packed itself. */
const ROOT = [".", "./"];

/** Judges the entries of one archive, in their order. */
export function createEntryJudge(): (entry: Entry) => void {
  const kinds = new Map<string, "file" | "folder">();
  let entries = 0;
  let bytes = 0;

  function keep(path: string, kind: "file" | "folder"): void {
    const folded = foldedPath(path);
    const steps = folded.split("/");
    const parents = steps.slice(1).map((_, index) => steps.slice(0, index + 1).join("/"));
    if (parents.some((parent) => kinds.get(parent) === "file"))
      throw pathError(`the archive has ${shown(path)} below a file`);
    const known = kinds.get(folded);
    if (known !== undefined && (known === "file" || kind === "file"))
      throw pathError(`the archive has ${shown(path)} twice, or a name that differs only in case`);
    for (const parent of parents) kinds.set(parent, "folder");
    kinds.set(folded, kind);
  }

  /** @throws {ZcontextError} `ERR_INSTALL_LINK`, `ERR_INSTALL_PATH` or `ERR_INSTALL_SIZE`. */
  return ({ path, type, size }) => {
    if (LINKS.includes(type)) throw linkError(`the archive has a link, ${shown(path)}`);
    if (!FILES.includes(type) && type !== "Directory")
      throw linkError(`the archive has ${shown(path)}, which is neither a file nor a folder but a ${type}`);
    entries += 1;
    bytes += size;
    if (entries > MAX_ENTRIES)
      throw new ZcontextError("ERR_INSTALL_SIZE", `the archive has more than ${MAX_ENTRIES} files and folders`);
    if (bytes > MAX_UNPACKED_BYTES) throw sizeError("the unpacked archive", undefined, MAX_UNPACKED_BYTES);
    if (type === "Directory" && ROOT.includes(path)) return;
    const problem = problemOf(path);
    if (problem !== undefined) throw pathError(`the archive has ${shown(path)}, which ${problem}`);
    if (type !== "Directory" && path.endsWith("/")) throw pathError(`the archive has a file ${shown(path)}`);
    keep(path, type === "Directory" ? "folder" : "file");
  };
}

function linkError(message: string): ZcontextError {
  return new ZcontextError("ERR_INSTALL_LINK", message, {
    hint: "Pack files and folders only; `tar --dereference` packs what links lead to.",
  });
}
