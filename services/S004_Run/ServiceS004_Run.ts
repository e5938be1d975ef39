import { defineService } from "zcontext/tasks";
import task from "./S004_Run.js";

export default defineService({
  name: "run",
  description: "Runs, and reports when it is out of breath",
  task,
});
