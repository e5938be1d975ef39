// Keeps the files of a context within their bound: the oldest are removed. The folder is looked at again after each sixteenth
// of the bound that was written.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { logFilesOf, type Retention, surplusOf } from "./files.ts";
import { filesIn } from "./folder.ts";

export interface FolderBound {
  written(bytes: number): void;
  /** Makes room for one batch, where it may be needed. */
  keep(): Promise<void>;
}

export interface FolderBoundOptions {
  folder: string;
  /** As they hold now. */
  bounds(): Pick<Retention, "totalBytes"> & { batchBytes: number };
}

export function createFolderBound({ folder, bounds }: FolderBoundOptions): FolderBound {
  /** Written since the folder was last compared with its bound; at the start nothing is known of it. */
  let unchecked = Number.POSITIVE_INFINITY;

  return {
    written(bytes) {
      unchecked += bytes;
    },
    async keep() {
      const { totalBytes, batchBytes } = bounds();
      const step = totalBytes / 16;
      if (unchecked < step) return;
      // Room for what is written until the folder is looked at again, and for one batch beyond.
      const room = Math.max(0, totalBytes - step - batchBytes);
      const kept = logFilesOf(await filesIn(folder)).flatMap((own) => own.files);
      for (const { name } of surplusOf(kept, room)) await rm(join(folder, name), { force: true });
      unchecked = 0;
    },
  };
}
