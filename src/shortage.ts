// What the system says when it is short of something, and what a person can do about it. It may have more at the next
// attempt, so what could not be had for want of it is not known to be absent.

const HINTS: { readonly [code: string]: string } = {
  EAGAIN: "There are as many processes as there may be; end some, or raise the limit with ulimit -u.",
  EMFILE: "There are as many open files as there may be; raise the limit with ulimit -n.",
  ENFILE: "The system has as many open files as it can have; end some programs, or raise fs.file-max.",
  ENOMEM: "There is no memory left; end some programs.",
};

/** What to do about a shortage, which is often behind an error that says what was needed; undefined for other errors. */
export function shortageHint(error: unknown): string | undefined {
  const { code = "", cause } = (error ?? {}) as NodeJS.ErrnoException;
  if (Object.hasOwn(HINTS, code)) return HINTS[code];
  return cause === undefined ? undefined : shortageHint(cause);
}

export function isShortage(error: unknown): boolean {
  return shortageHint(error) !== undefined;
}
