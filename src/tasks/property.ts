// Reads one property of a configuration, which is text in the context file: by its category and its name, with what holds where
// it is missing or is nothing of the kind. Never throws. Pure.
import { isObject, ownMember } from "../protocol/json.ts";

export type PropertyValue = string | number | boolean;

/** The property as a value of the fallback's type; the fallback where there is none. */
export function propertyOf(
  configuration: unknown,
  category: string,
  name: string,
  fallback: PropertyValue | undefined,
): PropertyValue | undefined {
  const group = isObject(configuration) ? ownMember(configuration, category) : undefined;
  const text = isObject(group) ? ownMember(group, name) : undefined;
  if (typeof text !== "string") return fallback;
  if (typeof fallback === "number") {
    const number = Number(text);
    return text.trim() !== "" && Number.isFinite(number) ? number : fallback;
  }
  if (typeof fallback === "boolean") return /^(true|false)$/i.test(text.trim()) ? /true/i.test(text) : fallback;
  return text;
}
