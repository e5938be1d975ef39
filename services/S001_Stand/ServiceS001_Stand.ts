import { defineService } from "zcontext/tasks";
import task from "./S001_Stand.js";

export default defineService({
  name: "stand",
  description: "Stands up, and is done",
  task,
});
