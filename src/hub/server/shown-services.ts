// What the page of a hub shows of services: what is published, and what could be. Pure.
import type { ShownService } from "../contract/page.ts";
import type { ManifestService } from "../install/manifest.ts";

export function shownServices(
  published: readonly ManifestService[],
  versions: readonly ManifestService[],
): ShownService[] {
  const names = [...new Set([...published, ...versions].map(({ name }) => name))].sort();
  return names.map((name) => {
    const service = published.find((one) => one.name === name);
    const all = [...versions, ...published].filter((one) => one.name === name).map(({ version }) => version);
    return {
      name,
      versions: [...new Set(all.reverse())],
      ...(service && { published: service.version }),
      enabled: service?.enabled ?? false,
      hosts: service?.hosts ?? [],
    };
  });
}
