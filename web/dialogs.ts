// The two questions that the page asks: for the token, and whether something is really meant.
import { part } from "./element.ts";
import { token } from "./server.ts";

/** Asks for the token; false when it is not given. */
export async function askForToken(): Promise<boolean> {
  const field = part<HTMLInputElement>("token");
  field.value = "";
  if ((await answerOf("token-dialog")) !== "yes" || field.value.trim() === "") return false;
  token.set(field.value.trim());
  field.value = "";
  return true;
}

export async function confirm(question: string): Promise<boolean> {
  part("question").textContent = question;
  return (await answerOf("question-dialog")) === "yes";
}

/** What the button that has closed a dialog stands for. */
function answerOf(id: string): Promise<string> {
  const dialog = part<HTMLDialogElement>(id);
  if (!dialog.open) {
    dialog.returnValue = "";
    dialog.showModal();
  }
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}
