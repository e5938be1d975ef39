import { defineService } from "zcontext/tasks";
import task from "./EchoAction.js";

export default defineService({
  name: "echo_action",
  description: "Shouts the current time after a countdown",
  task,
});
