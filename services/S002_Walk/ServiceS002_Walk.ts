import { defineService } from "zcontext/tasks";
import task from "./S002_Walk.js";

export default defineService({
  name: "walk",
  description: "Walks to the kitchen, step by step",
  task,
});
