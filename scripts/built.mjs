// Whether dist/ is built of the sources as they are: by their content, for a checkout gives files any time.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const STAMP = join(root, "dist/built");
const FOLDERS = ["src", "tools", "web", "scripts"];
const FILES = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];

/** To be called when all is built. */
export function stamp() {
  writeFileSync(STAMP, digest());
}

export function isBuilt() {
  try {
    return readFileSync(STAMP, "utf8") === digest();
  } catch {
    return false;
  }
}

function digest() {
  const paths = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name)),
  );
  const hash = createHash("sha256");
  for (const path of [...paths.sort(), ...FILES.map((name) => join(root, name))])
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
  return hash.digest("hex");
}
