// Runs before each test file that starts processes: they inherit its path, and the sweep at the end of the run names it.
import { expect } from "vitest";
import { FILE_MARK } from "./sweep.ts";

process.env[FILE_MARK] = expect.getState().testPath;
