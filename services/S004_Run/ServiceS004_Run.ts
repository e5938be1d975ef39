// Written by create-service; replaced while it is unchanged: sha256 71713622b5aa176e9a88db1d9a2ac84e874ed87da7a16703c289c80456b8cf2a
import { defineService } from "zcontext/tasks";
import task from "./S004_Run.js";

export default defineService({
  name: "run",
  description: "Runs, and reports when it is out of breath",
  task,
});
