import fc from "fast-check";
import { SaxesParser } from "saxes";
import { describe, expect, test } from "vitest";
import { parseContextConfig } from "../../../../src/config/context-config.ts";
import type { Element } from "../../../../src/config/xml/element.ts";
import { positionsIn } from "../../../../src/config/xml/position.ts";
import { describe as listed, type Problem } from "../../../../src/config/xml/problems.ts";
import { parseXml } from "../../../../src/config/xml/xml.ts";
import { detailsOf, GOOD, goodBut, withConfiguration } from "../context-xml.ts";

function read(text: string): Element {
  const problems: Problem[] = [];
  const root = parseXml(text, problems);
  if (root === undefined) throw new Error(listed(problems, positionsIn(text)).join("\n"));
  return root;
}

function refusalOf(text: string): string[] {
  const problems: Problem[] = [];
  expect(parseXml(text, problems)).toBeUndefined();
  return listed(problems, positionsIn(text));
}

/** The tree without its places, to be compared with what saxes reads. */
interface Bare {
  name: string;
  attributes: Record<string, string>;
  children: Bare[];
  text: string;
}

function bare({ name, attributes, children, text }: Element): Bare {
  const values = attributes.map((attribute) => [attribute.name, attribute.value]);
  return { name, attributes: Object.fromEntries(values), children: children.map(bare), text };
}

function asSaxesReads(xml: string): Bare | undefined {
  const open: Bare[] = [{ name: "", attributes: {}, children: [], text: "" }];
  const parser = new SaxesParser();
  const addText = (text: string) => {
    const top = open.at(-1);
    if (top !== undefined) top.text += text;
  };
  parser.on("opentag", ({ name, attributes }) => {
    open.push({ name, attributes: Object.fromEntries(Object.entries(attributes)), children: [], text: "" });
  });
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const closed = open.pop();
    if (closed !== undefined) open.at(-1)?.children.push({ ...closed, text: closed.text.trim() });
  });
  parser.write(xml).close();
  return open[0]?.children[0];
}

function placesOf(text: string): string[] {
  const labelOf = positionsIn(text);
  const places = (element: Element): string[] => [
    `${element.name} ${labelOf(element.place)}`,
    ...element.attributes.map(({ name, place }) => `@${name} ${labelOf(place)}`),
    ...element.children.flatMap(places),
  ];
  return places(read(text));
}

describe("what XML means", () => {
  test("is a name, attributes, children and trimmed text, and never a number", () => {
    expect(bare(read(`<a x=" 1 " y='2'>\n <b> 007\n8 </b>mixed<b/> </a>`))).toEqual({
      name: "a",
      attributes: { x: " 1 ", y: "2" },
      text: "mixed",
      children: [
        { name: "b", attributes: {}, text: "007\n8", children: [] },
        { name: "b", attributes: {}, text: "", children: [] },
      ],
    });
  });

  test("has the five entities, characters by number and CDATA decoded, once", () => {
    expect(read("<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;<![CDATA[&amp;<b>]]>&amp;lt;</a>").text).toBe(
      `<>&"'A😀&amp;<b>&lt;`,
    );
    expect(read(`<a x="&#65;&amp;lt;&quot;&#10;'&gt;>"/>`).attributes[0]?.value).toBe(`A&lt;"\n'>>`);
  });

  test("has line ends and tabs of an attribute as spaces, unless they are written as numbers", () => {
    expect(read(`<a x="1\r\n2\t3\n4&#9;"/>`).attributes[0]?.value).toBe("1 2 3 4\t");
  });

  test("goes on around comments and instructions, whatever they quote", () => {
    expect(bare(read(`<?p don't ?><!-- " --><a>1<!-- <b>' --><?q it"s ?>2<c/><?r '?></a><!-- ' -->`))).toEqual({
      name: "a",
      attributes: {},
      text: "12",
      children: [{ name: "c", attributes: {}, text: "", children: [] }],
    });
  });

  test("is the same for names that JavaScript knows", () => {
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "xmlns", "xml"];
    const text = `<a>${names.map((name) => `<${name} ${name}="1"/><${name}>x</${name}>`).join("")}</a>`;

    const elements = read(text).children;

    expect(elements.map(({ name }) => name)).toEqual(names.flatMap((name) => [name, name]));
    expect(elements.flatMap(({ attributes }) => attributes.map(({ name }) => name))).toEqual(names);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("is for every document what saxes says it is", () => {
    const name = fc.constantFrom("a", "b", "a.b-c", "ä", "constructor", "toString");
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom("x", "1", " ", "\n", "\r\n", "\t", "é", "😀", `"`, "'", "/", "=", "]", "?") }),
      fc.constantFrom("&lt;", "&#65;", "&#x1F600;", "&amp;amp;", "&#10;", "&quot;", "&#13;"),
      fc.constantFrom(
        "<!-- it's -->",
        "<!--<b>-->",
        "<?p don't?>",
        `<?p "?>`,
        "<![CDATA[<&amp;>']]>",
        "<![CDATA[ ]]]]>",
      ),
    );
    const value = fc.string({
      unit: fc.constantFrom("x", " ", "\n", "\t", "\r\n", "'", ">", "/", "=", "&lt;", "&#9;", "é"),
    });
    const attributes = fc.uniqueArray(fc.tuple(name, value), { selector: ([one]) => one, maxLength: 3 });
    const { element } = fc.letrec<{ element: string; content: string }>((tie) => ({
      content: fc
        .array(fc.oneof({ maxDepth: 4 }, text, tie("element")), { maxLength: 5 })
        .map((parts) => parts.join("")),
      element: fc
        .tuple(name, attributes, tie("content"), fc.constantFrom("", " ", "\n"))
        .map(([tag, list, content, space]) => {
          const open = `${tag}${list.map(([key, given]) => `\n ${key} = "${given}"`).join("")}${space}`;
          return content === "" ? `<${open}/>` : `<${open}>${content}</${tag}${space}>`;
        }),
    }));

    fc.assert(
      fc.property(element, (xml) => {
        expect(bare(read(xml))).toEqual(asSaxesReads(xml));
      }),
    );
  });
});

describe("a value of a configuration", () => {
  const escaped = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\r", "&#13;");
  const character = fc.constantFrom(
    `"`,
    "'",
    "]]>",
    "<",
    ">",
    "&",
    "&amp;",
    "\n",
    "\r",
    " ",
    "\t",
    "x",
    "é",
    "😀",
    "{{",
    "@@@",
  );
  const value = fc.string({ unit: character }).map((text) => text.trim());
  const configurationFrom = (inside: string) => parseContextConfig(withConfiguration(inside)).tasks[0]?.configuration;

  test("comes back exactly when it was escaped", () => {
    fc.assert(
      fc.property(value, (text) => {
        expect(configurationFrom(`<v>${escaped(text)}</v>`)).toEqual({ v: text });
      }),
    );
  });

  test("comes back exactly from CDATA", () => {
    const cdata = (text: string) => `<![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`;

    fc.assert(
      fc.property(
        value.filter((text) => !text.includes("\r")),
        (text) => {
          expect(configurationFrom(`<v>${cdata(text)}</v>`)).toEqual({ v: text });
        },
      ),
    );
  });
});

describe("a place", () => {
  const text = `<?xml version="1.0"?>\n<!-- 😀\n -->\n<a\n  x="1" xx='x='>\n\t<b y="2"/><!-- --><c\n><d/></c></a>`;
  const places = ["a 4:1", "@x 5:3", "@xx 5:9", "b 6:2", "@y 6:5", "c 6:20", "d 7:2"];

  test("is that of the element or the attribute, in lines and columns from 1", () => {
    expect(placesOf(text)).toEqual(places);
  });

  test("is the same with the line ends of Windows and of old Macs", () => {
    expect(placesOf(text.replaceAll("\n", "\r\n"))).toEqual(places);
    expect(placesOf(text.replaceAll("\n", "\r"))).toEqual(places);
    expect(placesOf(text.replaceAll("<!-- -->", "<!--\r\n-->").replaceAll(`"2"`, `"\r\n"`))).toEqual([
      ...places.slice(0, 5),
      "c 8:4",
      "d 9:2",
    ]);
  });
});

describe("what is not well-formed", () => {
  const cases: [text: string, problem: string][] = [
    ["", "1:1: not well-formed: document must contain a root element"],
    ["<a>", "1:3: not well-formed: unclosed tag: a"],
    ["<a></b>", "1:4: not well-formed: expected </a>, got </b>"],
    ["<a>\r\n  <b>\r\n  </a>\r\n</b>", "3:3: not well-formed: expected </b>, got </a>"],
    ["<a/><b/>", "1:5: not well-formed: expected one root element, got another"],
    ["<a/>text", "1:9: not well-formed: text data outside of root node"],
    [`<a x="1" x="2"/>`, "1:16: not well-formed: duplicate attribute: x"],
    [`<a constructor="1" constructor="2"/>`, "1:36: not well-formed: duplicate attribute: constructor"],
    ["<a x=1/>", "1:6: not well-formed: unquoted attribute value"],
    [`<a x="<"/>`, "1:7: not well-formed: disallowed character"],
    ["<a>\u0000</a>", "1:4: not well-formed: disallowed character"],
    ["<a>&#0;</a>", "1:7: not well-formed: malformed character entity"],
    ["<a>]]></a>", `1:6: not well-formed: the string "]]>" is disallowed in char data`],
    [
      "<a>\n &nbsp;</a>",
      '2:2: unknown entity "&nbsp;"; known are &amp; &lt; &gt; &quot; &apos; and numbers such as &#65;',
    ],
    [
      "<a>&constructor;</a>",
      '1:4: unknown entity "&constructor;"; known are &amp; &lt; &gt; &quot; &apos; and numbers such as &#65;',
    ],
    ["<a>\uD800<b></a>", "1:4: not well-formed: half a surrogate pair is no character"],
    ["<a\u1680x/>", "1:1: white space in a name"],
  ];

  test.each(cases)("%j is reported where it is", (text, problem) => {
    expect(refusalOf(text)).toEqual([problem]);
  });

  test("is the only problem of its file", () => {
    const text = goodBut("<ContextID>", "<Nobody/><ContextID>&nobody;");

    expect(detailsOf(() => parseContextConfig(text, { file: "c.xml" }))).toEqual([
      expect.stringMatching(/^c\.xml:6:23: unknown entity "&nobody;"/),
    ]);
  });
});

describe("hostile XML is refused before a tree is built", () => {
  test("with a DOCTYPE, whatever it would expand or fetch", () => {
    const laughs = Array.from(
      { length: 9 },
      (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`,
    ).join("");
    const bomb = `<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY l0 "ha">${laughs}]><a>&l9;</a>`;
    const external = `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`;

    expect(refusalOf(bomb)).toEqual(["2:1: DOCTYPE is not accepted; remove it"]);
    expect(refusalOf(external)).toEqual(["1:1: DOCTYPE is not accepted; remove it"]);
    expect(refusalOf("<!-- --><!DOCTYPE a><a/>")).toEqual(["1:9: DOCTYPE is not accepted; remove it"]);
  });

  test("of more than 1 MiB in UTF-8", () => {
    expect(refusalOf("<a>".padEnd(2 * 1024 * 1024, "x"))).toEqual(["1:1: expected at most 1048576 bytes, got 2097152"]);
    expect(refusalOf(`<a>${"é".repeat(1024 * 1024 - 7)}</a>`)).toEqual([
      "1:1: expected at most 1048576 bytes, got 2097145",
    ]);
    expect(read(`<a>${"x".repeat(1024 * 1024 - 7)}</a>`).text).toHaveLength(1024 * 1024 - 7);
  });

  test("of more than 32 levels", () => {
    const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);

    expect(refusalOf(nested(10_000))).toEqual(["1:97: expected at most 32 levels of elements, got more"]);
    expect(refusalOf(nested(33))).toEqual(["1:97: expected at most 32 levels of elements, got more"]);
    expect(read(nested(32)).name).toBe("a");
  });

  test("of more than 10,000 elements", () => {
    expect(refusalOf(`<a>${"<b/>".repeat(10_000)}</a>`)).toEqual([
      "1:40000: expected at most 10000 elements, got more",
    ]);
    expect(read(`<a>${"<b/>".repeat(9_999)}</a>`).children).toHaveLength(9_999);
  });

  test("or changes no prototype", () => {
    const text = withConfiguration(
      `<__proto__><polluted>1</polluted></__proto__><constructor><prototype/></constructor>`,
    );

    expect(() => parseContextConfig(text)).toThrow("has 3 problems");
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

describe("an encoding", () => {
  test("other than UTF-8 is refused once it matters, for the text has been decoded already", () => {
    const declared = (encoding: string, text: string) => `<?xml version="1.0" encoding="${encoding}"?>\n<a>${text}</a>`;

    expect(read(declared("utf-8", "ä")).text).toBe("ä");
    expect(read(declared("ISO-8859-1", "a")).text).toBe("a");
    expect(refusalOf(declared("ISO-8859-1", "ä"))).toEqual([`1:1: encoding: expected UTF-8, got "ISO-8859-1"`]);
  });
});

test("line ends between elements mean nothing", () => {
  expect(parseContextConfig(GOOD.replaceAll("\n", ""))).toEqual(parseContextConfig(GOOD));
});

test("a plain & is the fault, and not what it does to what follows", () => {
  const problems: Problem[] = [];

  parseXml("<a><!-- & --><b>x & y</b>\n<c/></a>", problems);

  expect(problems).toEqual([{ place: 18, message: "not well-formed: expected &amp; for a plain &" }]);
});
