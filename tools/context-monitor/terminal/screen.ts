// The terminal of the live table: switches to the alternate screen, reads raw keys, and draws at most ten times a second.
// Whatever ends the process, the terminal is restored.
import { writeSync } from "node:fs";
import { emitKeypressEvents, type Interface } from "node:readline";

export interface Size {
  columns: number;
  rows: number;
}

/** A key as node:readline names it; `text` is what it types. */
export interface Key {
  name?: string | undefined;
  text?: string | undefined;
  isCtrl?: boolean;
}

export interface Screen {
  readonly size: Size;
  /** Schedules a redraw. */
  touch(): void;
  /** Restores the terminal; later calls do nothing. */
  close(): void;
}

export interface ScreenOptions {
  /** As many lines as the terminal has. */
  draw(size: Size): readonly string[];
  onKey(key: Key): void;
  /** The terminal was closed. */
  onGone(): void;
}

const DRAW_MS = 100;
/** Ages are shown, so the screen changes without an event. */
const CLOCK_MS = 1_000;
/** How long a lone escape waits for the rest of a sequence, in milliseconds. */
const ESCAPE_MS = 50;

// The alternate screen, no cursor, and no wrapping: a line measured wrongly must not push the others down.
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const STDOUT = 1;

/** Takes the terminal. */
export function openScreen({ draw, onKey, onGone }: ScreenOptions): Screen {
  const { stdin, stdout } = process;
  let shown: readonly string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let waking: NodeJS.Timeout | undefined;
  let isOpen = false;
  const screen = {
    get size() {
      return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
    },
    touch() {
      if (isOpen) timer ??= setTimeout(redraw, DRAW_MS);
    },
    close() {
      leave();
      clearInterval(clock);
      clearTimeout(waking);
      stdout.off("resize", resized);
      stdin.off("keypress", pressed).off("end", onGone).off("error", onGone);
      process.off("exit", leave).off("SIGTSTP", suspend).off("SIGCONT", wake);
      stdin.pause();
    },
  };
  const clock = setInterval(screen.touch, CLOCK_MS);

  function redraw(): void {
    timer = undefined;
    if (!isOpen) return;
    const lines = draw(screen.size);
    // Erased before and not behind: a full line leaves the cursor on its last character.
    const changed = lines.flatMap((line, row) => (line === shown[row] ? [] : `\u001b[${row + 1};1H\u001b[2K${line}`));
    shown = lines;
    if (changed.length > 0) stdout.write(changed.join(""));
  }

  function resized(): void {
    if (!isOpen) return;
    shown = [];
    stdout.write("\u001b[2J");
    screen.touch();
  }

  function enter(): void {
    if (isOpen) return;
    isOpen = true;
    shown = [];
    if (stdin.isTTY) stdin.setRawMode(true);
    stdout.write(ENTER);
    redraw();
  }

  function leave(): void {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    timer = undefined;
    try {
      if (stdin.isTTY) stdin.setRawMode(false);
      // Synchronous, because the process may be ending.
      writeSync(STDOUT, LEAVE);
    } catch {
      // The terminal was closed; there is nothing to restore.
    }
  }

  // While keys are raw, Ctrl-Z sends no signal. SIGTSTP stops a process only without a listener. It goes to the whole
  // group, because a parent such as npx would keep the terminal. In an orphaned group, which no shell could continue, it
  // has no effect, and the timer shows the table again.
  function suspend(): void {
    leave();
    process.off("SIGTSTP", suspend);
    process.kill(0, "SIGTSTP");
    waking = setTimeout(wake, DRAW_MS);
  }

  // Another process may have changed the terminal meanwhile.
  function wake(): void {
    clearTimeout(waking);
    leave();
    process.off("SIGTSTP", suspend).on("SIGTSTP", suspend);
    enter();
  }

  function pressed(text: string | undefined, key: { name?: string; ctrl?: boolean } | undefined): void {
    if (key?.ctrl && key.name === "z") return suspend();
    onKey({ name: key?.name, text, isCtrl: key?.ctrl ?? false });
  }

  stdout.on("resize", resized);
  if (stdin.isTTY) {
    emitKeypressEvents(stdin, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
    stdin.on("keypress", pressed).on("end", onGone).on("error", onGone);
    stdin.resume();
  }
  process.on("exit", leave).on("SIGTSTP", suspend).on("SIGCONT", wake);
  enter();
  return screen;
}
