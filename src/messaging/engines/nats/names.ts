// What streams, consumers and subjects are called. Events have three words, so that they never meet a method
// (`service.method`) or the topic of a signal. Pure.
import { digestOf } from "../../../digest.ts";
import { nameOf, wordOf } from "../../remote/subjects.ts";

/** NATS allows 255 characters in a name; that of a consumer has two words. */
const LONGEST = 110;
const BEGINNING = 60;
const DIGITS = 32;

/** A name as one word. What is too long then is its beginning and a digest. */
function shortWord(word: string, name: string): string {
  return word.length <= LONGEST ? word : `${word.slice(0, BEGINNING)}=-${digestOf(name, DIGITS)}`;
}

const shortWordOf = (name: string) => shortWord(wordOf(name), name);

/** Of events that no group has ever wanted, of every domain. */
export const HELD_STREAM = "zcontext_held";
/** Of all dead letters. */
export const LETTER_STREAM = "zcontext_dead";
/** Every event that is stored. */
export const EVERY_EVENT = "events.*.*";
export const EVERY_HELD = "held.*.*";
export const EVERY_LETTER = "dead.*.*.*";
/** Asks all members which groups they take part in. */
export const GROUP_ROLL = "zc.groups.roll";

/** Where the events of one name are. */
export interface Places {
  stream: string;
  /** All events of the domain. */
  domain: string;
  subject: string;
  held: string;
}

export function placesOf(event: string): Places {
  const { domain, type } = partsOf(event);
  const [first, second] = [shortWordOf(domain), shortWordOf(type)];
  return {
    stream: `events_${first}`,
    domain: `events.${first}.*`,
    subject: `events.${first}.${second}`,
    held: `held.${first}.${second}`,
  };
}

/** Of the consumer that all members of a group share. */
export function consumerOf(event: string, group: string): string {
  const { type } = partsOf(event);
  // The first underscore is the one between them.
  return `${shortWord(wordOf(type).replaceAll("_", "=5f"), type)}_${shortWordOf(group)}`;
}

function partsOf(event: string): { domain: string; type: string } {
  const dot = event.indexOf(".");
  return { domain: event.slice(0, dot), type: event.slice(dot + 1) };
}

export function letterSubject(event: string, group: string): string {
  return `dead${placesOf(event).subject.slice("events".length)}.${shortWordOf(group)}`;
}

/** The event of a subject that a foreign program has published to; undefined where its words stand for another name. */
export function eventOf(subject: string): string | undefined {
  const [, domain, type, ...rest] = subject.split(".");
  if (domain === undefined || type === undefined || rest.length > 0) return undefined;
  return `${nameOf(domain)}.${nameOf(type)}`;
}
