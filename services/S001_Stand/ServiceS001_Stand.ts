// Written by create-service; replaced while it is unchanged: sha256 f01dc0a1ab571b3af3d0a33bdad2e5fb57b61756901d52c1f094eb23368c5917
import { defineService } from "zcontext/tasks";
import task from "./S001_Stand.js";

export default defineService({
  name: "stand",
  description: "Stands up, and is done",
  task,
});
