// Groups of processes that handle events while some of them are killed.
import type { BusOfTest, Member } from "./bus-peer.ts";
import { awaitEvents } from "./recording.ts";

/** Resolves when it has said so. */
export const ready = (member: Member) => member.said.first((line) => line === "ready", { what: "its readiness" });

/** Counts what the members of a group have handled; a member that was killed is replaced by another one. */
export function openGroup(bus: Pick<BusOfTest, "startMember">, group: string, size: number) {
  /** Who has handled each event. */
  const handlers = new Map<number, Member[]>();
  const killed = new Set<Member>();
  const progress = awaitEvents<number>(`what group ${group} has handled`, String);
  const members = Array.from({ length: size }, start);

  function start(): Member {
    const member = bus.startMember("listen", group);
    const { add } = member.said;
    member.said.add = (line) => {
      add(line);
      if (!Array.isArray(line)) return;
      const [number] = line as [number, number];
      handlers.set(number, [...(handlers.get(number) ?? []), member]);
      progress.add(handlers.size);
    };
    return member;
  }

  return {
    handlers,
    members,
    /** Events that were handled again although the member that had handled them lives. */
    twice: () => [...handlers].filter(([, members]) => members.slice(0, -1).some((member) => !killed.has(member))),
    /** Resolves when it has handled so many different events. */
    until: (count: number) => progress.first((seen) => seen >= count, { what: `${count} events in group ${group}` }),
    async replace(index: number) {
      const member = members[index] as Member;
      killed.add(member);
      await member[Symbol.asyncDispose]();
      members[index] = start();
    },
  };
}
