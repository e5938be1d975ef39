// Parses XML from untrusted files. saxes checks the text first and stops at the first fault, or at the first construct that
// is refused here; only then fast-xml-parser builds the tree. Nothing is expanded, fetched or turned into a number. Pure.
import { type XMLMetaData, XMLParser } from "fast-xml-parser";
import { SaxesParser } from "saxes";
import type { Attribute, Element } from "./element.ts";
import { decodeEntities, KNOWN_ENTITIES } from "./entities.ts";
import { type Place, type Problem, quote } from "./problems.ts";

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 10_000;

/**
 * Reads well-formed XML without DOCTYPE: at most 1 MiB, 32 levels and 10,000 elements, with no entities but the five
 * predefined ones and character references. A byte order mark is skipped.
 *
 * @param problems - Receives the problem that ended the reading. Places are offsets in the text.
 * @returns The root, or undefined where there was a problem.
 */
export function parseXml(text: string, problems: Problem[]): Element | undefined {
  const refusal = refuse(text);
  if (refusal === undefined) return buildTree(text);
  problems.push(refusal);
  return undefined;
}

/** Where the root of a text ends that `parseXml` has accepted: the offset of its end tag, or of its `/>`. */
export function rootEnd(text: string): { place: Place; hasEndTag: boolean } {
  const parser = new SaxesParser({ position: false, defaultXMLVersion: "1.0", forceXMLVersion: true });
  let last = { position: 0, isSelfClosing: false };
  // The root is the element that is closed last.
  parser.on("closetag", ({ isSelfClosing }) => {
    last = { position: parser.position, isSelfClosing };
  });
  parser.write(text).close();
  const { position, isSelfClosing } = last;
  return { place: text.lastIndexOf(isSelfClosing ? "/>" : "</", position - 2), hasEndTag: !isSelfClosing };
}

/** Where a child of the root ends, behind its last tag, in a text that `parseXml` has accepted. */
export function childEnd(text: string, index: number): Place {
  const parser = new SaxesParser({ position: false, defaultXMLVersion: "1.0", forceXMLVersion: true });
  let depth = 0;
  let closed = 0;
  let end = 0;
  parser.on("opentag", () => {
    depth += 1;
  });
  parser.on("closetag", () => {
    depth -= 1;
    if (depth !== 1) return;
    if (closed === index) end = parser.position;
    closed += 1;
  });
  parser.write(text).close();
  return end;
}

function refuse(text: string): Problem | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES) return { place: 0, message: `expected at most ${MAX_BYTES} bytes, got ${bytes}` };
  // saxes takes half a surrogate pair together with the next character, even when that is a "<".
  const half = text.search(/\p{Surrogate}/u);
  if (half >= 0) return { place: half, message: "not well-formed: half a surrogate pair is no character" };
  const fault = firstFault(text);
  return fault && (bareAmpersandBefore(fault, text) ?? fault);
}

// From a bare "&" saxes reads on to the next ";", however far away, and reports a fault there.
function bareAmpersandBefore({ place }: Problem, text: string): Problem | undefined {
  const marked = text.replace(/<!--.*?(?:-->|$)|<!\[CDATA\[.*?(?:\]\]>|$)|<\?.*?(?:\?>|$)/gs, (markup) =>
    " ".repeat(markup.length),
  );
  const bare = marked.search(/&(?!(?:#\d+|#x[0-9a-fA-F]+|[A-Za-z_][\w.-]*);)/);
  return bare < 0 || bare > place
    ? undefined
    : { place: bare, message: "not well-formed: expected &amp; for a plain &" };
}

function firstFault(text: string): Problem | undefined {
  const parser = new SaxesParser({ position: false, defaultXMLVersion: "1.0", forceXMLVersion: true });
  const stop: Stop = (message, opening) => {
    const place = opening === undefined ? parser.position - 1 : text.lastIndexOf(opening, parser.position - 1);
    throw new Fault(Math.max(0, place), message);
  };
  const seen = { elements: 0, depth: 0, closed: "" };
  stopAtErrors(parser, text, seen, stop);
  stopAtUnwanted(parser, text, stop);
  stopAtExcess(parser, seen, stop);
  try {
    parser.write(text).close();
    return undefined;
  } catch (fault) {
    if (fault instanceof Fault) return { place: fault.place, message: fault.message };
    throw fault;
  }
}

/** Ends the reading with a problem, at the parser's position or at the start of the markup that it has just read. */
type Stop = (message: string, opening?: string) => never;

/** Thrown from handlers: saxes can't be stopped in another way. */
class Fault extends Error {
  readonly place: number;

  constructor(place: number, message: string) {
    super(message);
    this.place = place;
  }
}

interface Seen {
  elements: number;
  depth: number;
  /** The element that was closed last. */
  closed: string;
}

function stopAtErrors(parser: SaxesParser, text: string, seen: Readonly<Seen>, stop: Stop): void {
  parser.on("error", ({ message }) => {
    const markup = (opening: string) => text.slice(text.lastIndexOf(opening, parser.position - 1), parser.position);
    switch (message) {
      case "undefined entity.":
        return stop(`unknown entity ${quote(markup("&"))}; known are ${KNOWN_ENTITIES}`, "&");
      case "unexpected close tag.":
        return stop(`not well-formed: expected </${seen.closed}>, got ${markup("</")}`, "</");
      case "documents may contain only one root.":
        return stop("not well-formed: expected one root element, got another", "<");
      default:
        return stop(`not well-formed: ${message.replace(/\.$/, "")}`);
    }
  });
}

function stopAtUnwanted(parser: SaxesParser, text: string, stop: Stop): void {
  parser.on("doctype", () => stop("DOCTYPE is not accepted; remove it", "<!DOCTYPE"));
  parser.on("xmldecl", ({ encoding = "UTF-8" }) => {
    // The text has been decoded as UTF-8. Another encoding in the declaration matters only if there is more than ASCII.
    const isDecoded = /^utf-?8$/i.test(encoding) || !/\P{ASCII}/u.test(text);
    if (!isDecoded) stop(`encoding: expected UTF-8, got "${encoding}"`, "<?");
  });
  // XML allows two characters in a name that JavaScript, and so fast-xml-parser, takes for white space.
  parser.on("opentag", ({ name, attributes }) => {
    if ([name, ...Object.keys(attributes)].some((one) => /\s/.test(one))) stop("white space in a name", "<");
  });
}

function stopAtExcess(parser: SaxesParser, seen: Seen, stop: Stop): void {
  parser.on("opentagstart", () => {
    seen.elements += 1;
    seen.depth += 1;
    if (seen.depth > MAX_DEPTH) stop(`expected at most ${MAX_DEPTH} levels of elements, got more`, "<");
    if (seen.elements > MAX_ELEMENTS) stop(`expected at most ${MAX_ELEMENTS} elements, got more`, "<");
  });
  parser.on("closetag", ({ name }) => {
    seen.depth -= 1;
    seen.closed = name;
  });
}

// Marks the name of every element with a character that no name contains, so that `constructor` or `#text` can't clash.
const MARK = "<";
const METADATA = XMLParser.getMetaDataSymbol() as symbol;

const treeParser = new XMLParser({
  preserveOrder: true,
  captureMetaData: true,
  ignoreAttributes: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  cdataPropName: "#cdata",
  attributeNamePrefix: MARK,
  // Called twice for `<a/>`.
  transformTagName: (name) => (name.startsWith(MARK) ? name : MARK + name),
});

/** A node of fast-xml-parser: one key for its name or kind, one for attributes, one for the place. */
interface Node {
  "#text"?: string;
  "#cdata"?: [{ "#text": string }];
  ":@"?: Record<string, string>;
  [METADATA: symbol]: XMLMetaData;
  [element: `<${string}`]: Node[];
}

function buildTree(text: string): Element | undefined {
  const nodes: Node[] = treeParser.parse(withoutQuotesInInstructions(text));
  return elementsAmong(nodes, text)[0];
}

/** fast-xml-parser takes a quote in `<?note don't?>` for the start of a value, and reads on past the end of the instruction. */
function withoutQuotesInInstructions(text: string): string {
  return text.replace(/<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>/gs, (markup) =>
    markup.startsWith("<?") ? markup.replace(/["']/g, " ") : markup,
  );
}

function elementsAmong(nodes: readonly Node[], text: string): Element[] {
  return nodes.flatMap((node) => {
    const key = Object.keys(node).find(isMarked);
    if (key === undefined) return [];
    const inside = node[key] ?? [];
    const place = node[METADATA]?.startIndex ?? 0;
    const verbatim = inside.map(ownText).join("");
    return {
      name: key.slice(MARK.length),
      attributes: attributesOf(node[":@"] ?? {}, startTagAttributes(text, place)),
      children: elementsAmong(inside, text),
      text: verbatim.trim(),
      verbatim,
      place,
    };
  });
}

function isMarked(key: string): key is `<${string}` {
  return key.startsWith(MARK);
}

function ownText(node: Node): string {
  return node["#cdata"]?.[0]["#text"] ?? decodeEntities(node["#text"] ?? "");
}

function attributesOf(values: Record<string, string>, places: ReadonlyMap<string, number>): Attribute[] {
  return Object.entries(values).map(([key, value]) => {
    const name = key.slice(MARK.length);
    // In attributes XML turns literal line ends and tabs into spaces, but keeps those written as references.
    return { name, value: decodeEntities(value.replace(/[\n\t]/g, " ")), place: places.get(name) ?? 0 };
  });
}

/** Where the attributes of an element begin, which fast-xml-parser does not report. */
function startTagAttributes(text: string, place: number): Map<string, number> {
  const places = new Map<string, number>();
  const attribute = /(?:<[^\s/>]+)?\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')/dy;
  attribute.lastIndex = place;
  for (let found = attribute.exec(text); found?.[1] !== undefined; found = attribute.exec(text)) {
    places.set(found[1], found.indices?.[1]?.[0] ?? place);
  }
  return places;
}
