// A map that drops the least recently used value. Pure.

/** Values by key, made when they are first used; at most `most` of them. Only `at` counts as a use. */
export function createLruMap<T>(most: number, make: () => T): { at(key: string): T; find(key: string): T | undefined } {
  const values = new Map<string, T>();
  return {
    at(key) {
      const value = values.get(key) ?? make();
      values.delete(key);
      values.set(key, value);
      const [oldest] = values.keys();
      if (values.size > most && oldest !== undefined) values.delete(oldest);
      return value;
    },
    find: (key) => values.get(key),
  };
}
