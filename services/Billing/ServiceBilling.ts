// Written by create-service; replaced while it is unchanged: sha256 31a3a47977587465c4a31417bfc5083ff2dd112e9de700b1620964214c55ca0a
import { defineService } from "zcontext/tasks";
import task from "./Billing.js";

export default defineService({
  name: "billing",
  description: "Writes an invoice for each order",
  task,
});
