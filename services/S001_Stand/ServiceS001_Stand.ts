import { defineService } from "zcontext/tasks";
import task from "./S001_Stand.ts";

export default defineService({
  name: "stand",
  description: "Stands up, and is done",
  task,
});
