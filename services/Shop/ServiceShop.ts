// Written by create-service; replaced while it is unchanged: sha256 df2e8b591d75258672dd64016b7815f8b496b4a4b76d0add926e5659e105eb5d
import { defineService } from "zcontext/tasks";
import task from "./Shop.js";

export default defineService({
  name: "shop",
  description: "Takes an order each second",
  task,
});
