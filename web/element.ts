// Makes elements. What they show is set as text, never as HTML: it comes from files and programs of others.

export type Child = Node | string;

export interface Traits {
  class?: string;
  text?: string;
  /** Attributes by name; one that is undefined is left out. */
  set?: { readonly [name: string]: string | number | undefined };
  on?: { readonly [event: string]: (event: Event) => void };
}

export function html<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  traits: Traits = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  return dress(document.createElement(name), traits, children);
}

export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  traits: Traits = {},
  ...children: Child[]
): SVGElementTagNameMap[Name] {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", name), traits, children);
}

function dress<T extends Element>(element: T, { class: names, text, set = {}, on = {} }: Traits, children: Child[]): T {
  if (names !== undefined) element.setAttribute("class", names);
  for (const [name, value] of Object.entries(set)) if (value !== undefined) element.setAttribute(name, `${value}`);
  for (const [event, handle] of Object.entries(on)) element.addEventListener(event, handle);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** An element of the page itself. */
export function part<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as unknown as T;
}

/** A symbol beside a text that says the same, so hidden from screen readers. */
export function symbol(path: string): SVGSVGElement {
  return svg(
    "svg",
    { class: "symbol", set: { viewBox: "0 0 16 16", "aria-hidden": "true" } },
    svg("path", { set: { d: path, "fill-rule": "evenodd" } }),
  );
}
