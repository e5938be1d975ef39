// Services of a manifest, sound in all but what a test changes.
import type { ManifestService } from "../../src/hub/install/manifest.ts";

export function aService(change: Partial<ManifestService> = {}): ManifestService {
  return {
    name: "thermometer",
    version: "1.0.0",
    url: "archives/thermometer-1.0.0.tgz",
    size: 100,
    sha256: "0".repeat(64),
    entry: "ServiceThermometer.mjs",
    enabled: true,
    hosts: [],
    config: {},
    ...change,
  };
}
