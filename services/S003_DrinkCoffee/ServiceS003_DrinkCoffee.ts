// Written by create-service; replaced while it is unchanged: sha256 7aff0782bcdeb6d3581318249ed1902fb04ce2aeb848e197be72bc2038f2f13b
import { defineService } from "zcontext/tasks";
import task from "./S003_DrinkCoffee.js";

export default defineService({
  name: "drink_coffee",
  description: "Drinks coffee, one sip at a time, until it is told to stop",
  task,
});
