import { createLookup, type Lookup, type LookupOptions } from "./lookup.ts";

/** What is known of the services that this member calls. */
export interface Lookups {
  /** Begins to look where that service was not called before. */
  of(service: string): Lookup;
  find(service: string): Lookup | undefined;
  /** Looks no longer. */
  drop(service: string): void;
  /** An instance has ended, whatever it served. */
  lose(address: string): void;
  /** Nothing is known any more: the connection was lost. */
  forget(): void;
  close(): Promise<void>;
}

export function createLookups(
  options: Pick<LookupOptions, "post" | "address" | "nowMs">,
  events: { onInstance(service: string): void; onNobody(service: string, reason: string): void },
): Lookups {
  const lookups = new Map<string, Lookup>();

  return {
    of(service) {
      const known = lookups.get(service);
      if (known !== undefined) return known;
      const lookup = createLookup({
        ...{ ...options, service },
        onInstance: () => events.onInstance(service),
        onNobody: (reason) => events.onNobody(service, reason),
      });
      lookups.set(service, lookup);
      return lookup;
    },
    find: (service) => lookups.get(service),
    drop(service) {
      void lookups.get(service)?.close();
      lookups.delete(service);
    },
    lose(address) {
      for (const lookup of lookups.values()) lookup.lose(address);
    },
    forget() {
      for (const lookup of lookups.values()) lookup.forget();
    },
    async close() {
      await Promise.all([...lookups.values()].map((lookup) => lookup.close()));
    },
  };
}
