// The two dialogs of the page: one asks for the token, one for a confirmation.
import { part } from "./element.ts";
import { token } from "./server.ts";

/** Asks for the token; false when none is given. */
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

/** The value of the button that has closed a dialog. */
function answerOf(id: string): Promise<string> {
  const dialog = part<HTMLDialogElement>(id);
  if (!dialog.open) {
    dialog.returnValue = "";
    dialog.showModal();
  }
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}
