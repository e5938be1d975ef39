// Mails what the other services of a node ask it to: here it prints the mail.
import { defineService, defineTask, type Json } from "zcontext/tasks";

export default defineService({
  name: "mailer",
  description: "Mails what the services of the node ask for",
  task: defineTask({
    actions: {
      Process(message: Json, { log, source }) {
        log.info(`mail for ${source}: ${JSON.stringify(message)}`);
      },
    },
  }),
});
