import { defineService } from "zcontext/tasks";
import task from "./S003_DrinkCoffee.js";

export default defineService({
  name: "drink_coffee",
  description: "Drinks coffee, one sip at a time, until it is told to stop",
  task,
});
