// Written by create-service; replaced while it is unchanged: sha256 03ca32290cea0b685ae2b90a4cc9ea8c1ef5219d5908d85fb2381a7d0913402f
import { defineService } from "zcontext/tasks";
import task from "./S002_Walk.js";

export default defineService({
  name: "walk",
  description: "Walks to the kitchen, step by step",
  task,
});
