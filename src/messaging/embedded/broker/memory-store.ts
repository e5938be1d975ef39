// A store that forgets everything when its process ends. Pure.
import { createNumberMap } from "../../../number-map.ts";
import { copyOf } from "../parcel.ts";
import type { BrokerStore, Write } from "./store.ts";

export function createMemoryStore(): BrokerStore {
  const events = createNumberMap<Buffer>();
  const letters = new Map<string, Buffer>();

  function change(write: Write): void {
    if ("remove" in write) {
      if (write.remove === "event") events.delete(write.seq);
      if (write.remove === "letter") letters.delete(write.id);
    } else {
      if (write.put === "event") events.set(write.value.seq, copyOf(write.value.body));
      if (write.put === "letter") letters.set(write.value.id, write.body);
    }
  }

  return {
    stored: "memory",
    write: (writes) => writes.forEach(change),
    check() {},
    eventBody: (seq) => bodyIn(events, seq),
    letterBody: (id) => bodyIn(letters, id),
    recover: () => ({ groups: [], members: undefined, events: [], marks: [], letters: [] }),
    async close() {},
  };
}

function bodyIn<Key>(bodies: { get(key: Key): Buffer | undefined }, key: Key): Buffer {
  const body = bodies.get(key);
  if (body === undefined) throw new Error(`the store has no body of ${key}`);
  return body;
}
