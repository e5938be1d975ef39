// The subjects on which members of a server's engine speak. They have three words or more, so that none is a method as
// foreign programs call it (`service.method`) or a topic of signals (one word). Pure.

/** A name as one word of a subject: what is no letter, digit, `_` or `-` becomes `=` and the hexadecimal of its UTF-8. */
export function wordOf(name: string): string {
  if (PLAIN.test(name)) return name;
  return name.replace(/[^A-Za-z0-9_-]/gu, (sign) =>
    [...Buffer.from(sign)].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}

/** The name that a word stands for. */
export function nameOf(word: string): string {
  if (PLAIN.test(word)) return word;
  const bytes: number[] = [];
  for (let at = 0; at < word.length; at += 1) {
    if (word[at] !== "=") bytes.push(word.charCodeAt(at));
    else {
      bytes.push(Number.parseInt(word.slice(at + 1, at + 3), 16));
      at += 2;
    }
  }
  return Buffer.from(bytes).toString();
}

const PLAIN = /^[A-Za-z0-9_-]*$/;

export const subjects = {
  /** Of one member. */
  member: (address: string) => `zc.to.${address}`,
  /** A call to one instance. */
  call: (service: string, method: string, address: string) => `zc.call.${wordOf(service)}.${wordOf(method)}.${address}`,
  /** All calls to the service that this member gets. */
  calls: (service: string, address: string) => `zc.call.${wordOf(service)}.*.${address}`,
  everyCall: "zc.call.*.*.*",
  /** Asks the instances of a service, and whoever supervises one, to say so. */
  who: (service: string) => `zc.who.${wordOf(service)}`,
  /** Asks all that serve anything. */
  roll: "zc.services.roll",
  /** What becomes of the instances of a service. */
  news: (service: string) => `zc.news.${wordOf(service)}`,
  /** Publishers state their totals here. */
  totals: "zc.signals.totals",
  /** Asks publishers for them. */
  askTotals: "zc.signals.ask",
  /** Members say here what they have counted. */
  figures: "zc.members.figures",
  signal: wordOf,
  everySignal: "*",
} as const;

/** The name of the method in the subject of a call, as `service.method`. */
export function calledMethod(subject: string): string {
  const [, , service = "", method = ""] = subject.split(".");
  return `${nameOf(service)}.${nameOf(method)}`;
}
