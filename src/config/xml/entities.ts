// Decodes the five predefined entities of XML and references to characters. Pure.
/** What `&…;` may name: XML has these five of its own, and we let a file add none. */
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** For messages. */
export const KNOWN_ENTITIES = "&amp; &lt; &gt; &quot; &apos; and numbers such as &#65;";

/** Decodes once, a text that is known to hold no other references than those to characters and the five. */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(\w+));/g, (_, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name] ?? "";
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}
