// Which members serve a service, with how many calls each. Pure.
import type { ServedService } from "../../contract/engine.ts";

/** One member that serves a service. */
export interface Instance {
  readonly member: string;
  methods: ReadonlySet<string>;
  /** Calls that it has. */
  busy: number;
}

export interface Instances {
  set(member: string, service: string, methods: readonly string[]): void;
  remove(member: string, service: string): void;
  /** The member serves nothing any more. @returns What it served. */
  lose(member: string): string[];
  /** The one with the fewest calls. */
  leastBusy(service: string): Instance | undefined;
  /** The members that serve a method, `service.method`. */
  membersOf(name: string): string[];
  services(): ServedService[];
}

export function createInstances(): Instances {
  const services = new Map<string, Map<string, Instance>>();

  return {
    set(member, service, methods) {
      const instances = services.get(service) ?? new Map<string, Instance>();
      services.set(service, instances);
      const known = instances.get(member);
      if (known === undefined) instances.set(member, { member, methods: new Set(methods), busy: 0 });
      else known.methods = new Set(methods);
    },
    remove: (member, service) => void services.get(service)?.delete(member),
    lose: (member) => [...services].flatMap(([service, instances]) => (instances.delete(member) ? [service] : [])),
    leastBusy(service) {
      let best: Instance | undefined;
      for (const instance of services.get(service)?.values() ?? [])
        if (best === undefined || instance.busy < best.busy) best = instance;
      return best;
    },
    membersOf(name) {
      const dot = name.indexOf(".");
      const instances = [...(services.get(name.slice(0, dot))?.values() ?? [])];
      return instances.filter(({ methods }) => methods.has(name.slice(dot + 1))).map(({ member }) => member);
    },
    services: () =>
      [...services].flatMap(([service, instances]) => {
        const methods = new Set([...instances.values()].flatMap((instance) => [...instance.methods]));
        return instances.size === 0 ? [] : [{ service, methods: [...methods], instances: instances.size }];
      }),
  };
}
