import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type FoundFile,
  nextNumber,
  packedName,
  plainName,
  segmentBytesOf,
  segmentsOf,
  segmentsSince,
  surplus,
  unfinishedIn,
  unfinishedName,
} from "../../../src/history/segments.ts";

function found(...names: string[]): FoundFile[] {
  return names.map((name, index) => ({ name, bytes: 100, changedMs: (index + 1) * 60_000 }));
}

describe("the segments of a folder", () => {
  test("are in their order, however many there have been, and the files of others are none", () => {
    const names = [plainName(123_456_789), packedName(7), "notes.txt", "7.ndjson", plainName(8), `${plainName(9)}.bak`];

    expect(segmentsOf(found(...names)).map(({ number }) => number)).toEqual([7, 8, 123_456_789]);
  });

  test("are there once each, whatever moment of its packing a process was killed in", () => {
    const moments = [[plainName(1)], [plainName(1), unfinishedName(1)], [plainName(1), packedName(1)], [packedName(1)]];

    for (const names of moments) {
      const [segment, ...others] = segmentsOf(found(...names));
      expect(segment).toMatchObject({ number: 1 });
      expect(others).toEqual([]);
      expect(unfinishedIn(found(...names))).toEqual(names.filter((name) => name.endsWith(".tmp")));
    }
  });

  test("get a number that none has had", () => {
    expect(nextNumber([])).toBe(1);
    expect(nextNumber(segmentsOf(found(packedName(3), plainName(41))))).toBe(42);
    expect(nextNumber(segmentsOf(found(packedName(3))), 50)).toBe(51);
  });

  test("get none where it would not be one of theirs", () => {
    const last = found(plainName(999_999_999_999_999));

    expect(segmentsOf(last)).toHaveLength(1);
    expect(() => nextNumber(segmentsOf(last))).toThrow("no number comes after that of 999999999999999.ndjson");
  });

  test("are eight in a short history, and not too many to look through in a long one", () => {
    const [MIB, GIB] = [2 ** 20, 2 ** 30];

    expect([4 * MIB, 64 * MIB, GIB].map(segmentBytesOf)).toEqual([MIB / 2, MIB, MIB]);
    expect([16 * GIB, 64 * GIB, 1_024 * GIB].map(segmentBytesOf)).toEqual([16 * MIB, 64 * MIB, 64 * MIB]);
  });

  test("go, the oldest first, until the others are within the bound", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000)), fc.nat(3_000), (sizes, maxBytes) => {
        const files = sizes.map((bytes, index) => ({ name: packedName(index + 1), bytes, changedMs: 0 }));
        const segments = segmentsOf(files);

        const gone = surplus(segments, maxBytes);

        const sum = (some: typeof segments) => some.reduce((total, { bytes }) => total + bytes, 0);
        expect(gone).toEqual(segments.slice(0, gone.length));
        expect(sum(segments.slice(gone.length))).toBeLessThanOrEqual(maxBytes);
        if (gone.length > 0) expect(sum(segments.slice(gone.length - 1))).toBeGreaterThan(maxBytes);
      }),
    );
  });

  test("are read when something of that time may be in them, also where a clock was set back", () => {
    const [first, second, third] = [packedName(1), packedName(2), plainName(3)];
    const files = [
      { name: first, bytes: 1, changedMs: 500_000 },
      { name: second, bytes: 1, changedMs: 100_000 },
      { name: third, bytes: 1, changedMs: 600_000 },
    ];

    expect(segmentsSince(segmentsOf(files), 400_000).map(({ number }) => number)).toEqual([1, 3]);
    // The clock of a file system may be coarse.
    expect(segmentsSince(segmentsOf(files), 501_500).map(({ number }) => number)).toEqual([1, 3]);
  });
});
