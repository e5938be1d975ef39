// Decodes the five predefined entities of XML and character references. Pure.

/** The predefined entities; files can't declare others. */
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** For messages. */
export const KNOWN_ENTITIES = "&amp; &lt; &gt; &quot; &apos; and numbers such as &#65;";

/** Decodes once. The text must hold no other references than those to characters and to the five entities. */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(\w+));/g, (_, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name] ?? "";
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}
