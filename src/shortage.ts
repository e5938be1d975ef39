// Tells errors of a system that has run out of a resource from all others, and says what to do about them. The next attempt
// may succeed, so such an error never means that what was asked for does not exist.

const HINTS: { readonly [code: string]: string } = {
  EAGAIN: "Too many processes are running; end some, or raise the limit with ulimit -u.",
  EMFILE: "Too many files are open; raise the limit with ulimit -n.",
  ENFILE: "Too many files are open in the whole system; end some programs, or raise fs.file-max.",
  ENOMEM: "The system has no memory left; end some programs.",
};

/** What to do about a shortage, which may be the cause of an error that says what was needed; undefined for other errors. */
export function shortageHint(error: unknown): string | undefined {
  const { code = "", cause } = (error ?? {}) as NodeJS.ErrnoException;
  if (Object.hasOwn(HINTS, code)) return HINTS[code];
  return cause === undefined ? undefined : shortageHint(cause);
}

export function isShortage(error: unknown): boolean {
  return shortageHint(error) !== undefined;
}
