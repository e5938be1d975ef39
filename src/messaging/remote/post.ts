// What calls and signals ask of a server: messages by subject to all that receive it now, stored nowhere. Types alone. Pure.
import type { Subscription } from "../contract/engine.ts";

/** A message. */
export interface Parcel {
  /** For programs of ours: JSON in one header named `zc`. Empty where a foreign program has sent it without one. */
  head: string;
  body: Buffer;
  /** Where a foreign program waits for an answer, as the server names it. */
  replyTo?: string;
}

/** Moves messages by subject: words joined by dots, each of `[A-Za-z0-9_-]`, or `=` and hexadecimal for any other sign. */
export interface Post {
  /**
   * Sends to all that receive the subject.
   *
   * @param onNobody - Called when the server says that nobody does.
   * @throws {ZcontextError} `ERR_OVERLOADED` where too much waits to be sent.
   */
  send(subject: string, parcel: Parcel, onNobody?: () => void): void;
  /**
   * Receives what is sent to a subject from the moment it resolves. It stays in force when the connection is made anew.
   *
   * @param pattern - A subject, in which `*` stands for any one word.
   * @param queue - Of all that receive with the same queue, one gets each message.
   */
  receive(
    pattern: string,
    queue: string | undefined,
    handler: (parcel: Parcel, subject: string) => void,
  ): Promise<Subscription>;
}
