import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMaps, parseRollup } from "../../../src/monitor/memory.ts";

const ROLLUP = `5578ba697000-7ffdbcdeb000 ---p 00000000 00:00 0                          [rollup]
Rss:               51200 kB
Pss:               20480 kB
Pss_Dirty:           112 kB
Shared_Clean:      30720 kB
Private_Clean:      1024 kB
Private_Dirty:      9216 kB
Private_Hugetlb:       0 kB
Swap:                512 kB
SwapPss:             256 kB
`;

function mapping(path: string, kib: { rss: number; dirty: number }): string {
  return `7f0a1c000000-7f0a1c021000 r-xp 00002000 fe:00 4711  ${path}
Size:                132 kB
KernelPageSize:        4 kB
Rss:                  ${kib.rss} kB
Pss:                   2 kB
Shared_Clean:          4 kB
Shared_Dirty:          0 kB
Private_Clean:         0 kB
Private_Dirty:        ${kib.dirty} kB
Referenced:            8 kB
Anonymous:             1 kB
Swap:                  3 kB
SwapPss:               3 kB
VmFlags: rd ex mr mw me
`;
}

test("shares of memory are in MiB, and what is private counts whether clean or dirty", () => {
  expect(parseRollup(ROLLUP)).toEqual({ pss: 20, uss: 10, swap: 0.5, counted_elsewhere: 30 });
});

test("a process without memory has no shares, rather than shares of nothing", () => {
  expect(parseRollup("")).toBeUndefined();
});

test("mappings are summed by path, in bytes", () => {
  const text =
    mapping("/usr/lib/libc.so.6", { rss: 10, dirty: 1 }) + mapping("/usr/lib/libc.so.6", { rss: 6, dirty: 2 });

  expect(parseMaps(text)).toEqual([
    {
      path: "/usr/lib/libc.so.6",
      rss: 16_384,
      size: 270_336,
      pss: 4_096,
      shared_clean: 8_192,
      shared_dirty: 0,
      private_clean: 0,
      private_dirty: 3_072,
      referenced: 16_384,
      anonymous: 2_048,
      swap: 6_144,
    },
  ]);
});

test("the members of a map have the order of the wire", () => {
  const [map = {}] = parseMaps(mapping("[heap]", { rss: 1, dirty: 1 }));

  expect(Object.keys(map).join(" ")).toBe(
    "path rss size pss shared_clean shared_dirty private_clean private_dirty referenced anonymous swap",
  );
});

test.each([
  ["has none", "", "[anon]"],
  ["has blanks", "/srv/my data/a b.bin", "/srv/my data/a b.bin"],
  ["was replaced", "/usr/lib/libc.so.6 (deleted)", "/usr/lib/libc.so.6"],
  ["has a newline", "/srv/one\\012two", "/srv/one\ntwo"],
])("a mapping whose path %s is shown all the same", (_, written, shown) => {
  expect(parseMaps(mapping(written, { rss: 1, dirty: 1 })).map(({ path }) => path)).toEqual([shown]);
});

test("grouping loses nothing of the whole", () => {
  const mappings = fc.array(
    fc.record({ path: fc.constantFrom("/a", "/b", "[heap]", ""), rss: fc.nat(9_999), dirty: fc.nat(9_999) }),
  );

  fc.assert(
    fc.property(mappings, (all) => {
      const maps = parseMaps(all.map(({ path, ...kib }) => mapping(path, kib)).join(""));

      expect(new Set(maps.map(({ path }) => path)).size).toBe(maps.length);
      expect(maps.reduce((sum, { rss }) => sum + rss, 0)).toBe(all.reduce((sum, { rss }) => sum + rss * 1024, 0));
    }),
    { numRuns: 30 },
  );
});
