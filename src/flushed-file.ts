// What is to outlast a loss of power: the bytes of a file, and its name in its folder.
import { open } from "node:fs/promises";

/** Writes a file that its user alone may read, and resolves when its bytes are on the disk. */
export async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A new name is on the disk once its folder is. Rejects on file systems that can't be asked for that. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
