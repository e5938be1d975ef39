// The live table: what the provider publishes goes into the model, keys change the view or give orders, and both are drawn.
import { isColoured } from "../print.ts";
import { type ConnectionListener, type ProviderLocation, stayConnected } from "./connection.ts";
import { createDesk } from "./desk.ts";
import { applyFrame, emptyModel, type Model, withConnection } from "./model.ts";
import { draw } from "./table.ts";
import type { Terminal } from "./terminal/pieces.ts";
import { type Key, openScreen } from "./terminal/screen.ts";
import { speaksUnicode } from "./terminal/text.ts";
import { FIRST_VIEW, pressed, shownRows } from "./view.ts";

/** Shows it until a key or a signal ends it. */
export async function showLive(
  options: ProviderLocation & { transaction?: string },
  left: AbortController,
): Promise<void> {
  const terminal: Terminal = { isUnicode: speaksUnicode(process.env), isColoured: isColoured(process.stdout) };
  let model = emptyModel({ kind: "waiting", what: options.context_file ?? options.endpoint ?? "a provider" });
  let view = FIRST_VIEW;
  let page = 1;
  const leave = () => left.abort();
  using desk = createDesk(options.endpoint === undefined ? options.context_file : undefined, () => screen.touch());
  const screen = openScreen({
    draw(size) {
      desk.look(view, model);
      const drawing = draw(model, view, { size, terminal, nowMs: Date.now(), facts: desk.facts });
      view = { ...view, top: drawing.top, isAtEnd: drawing.isAtEnd };
      page = drawing.page;
      return drawing.lines;
    },
    onKey: (key) => take(key),
    onGone: leave,
  });

  function take(key: Key): void {
    const rows = shownRows(model.rows.values(), view);
    const next = pressed(view, key, { rows, page, letters: desk.facts.letters.answer });
    if (next === "quit") return leave();
    desk.forget();
    view = { ...next, order: undefined };
    if (next.order !== undefined) desk.carryOut(next.order);
    screen.touch();
  }

  function show(next: Model): void {
    model = next;
    screen.touch();
  }

  const listener: ConnectionListener = {
    onFrame: (frame) => show(applyFrame(model, frame, { atMs: Date.now(), only: options.transaction })),
    onConnected: (endpoint) => show(withConnection(model, { kind: "connected", endpoint })),
    onAway: () => show(withConnection(model, { kind: "away", sinceMs: Date.now() })),
  };
  await stayConnected(options, listener, { isPatient: true, signal: left.signal }).finally(screen.close);
}
