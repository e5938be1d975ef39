// Written by create-service; replaced while it is unchanged: sha256 6c5b10d91c06919949302d31b99221edd6c4c17290a72c81c2b37f8a952856e4
import { defineService } from "zcontext/tasks";
import task from "./EchoAction.js";

export default defineService({
  name: "echo_action",
  description: "Shouts the current time after a countdown",
  task,
});
