// A cluster of Kafka for tests: the mock cluster of librdkafka, in a process of kcat.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface MockKafka extends AsyncDisposable {
  /** `host:port`. */
  host: string;
}

export async function startKafka(): Promise<MockKafka> {
  const words = ["-C", "-t", "dummy", "-b", "ignored:1", "-X", "test.mock.num.brokers=1", "-d", "mock"];
  const kcat = spawn("kcat", words, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(kcat, "close");
  const lines = createInterface({ input: kcat.stderr });
  const host = await new Promise<string>((resolve, reject) => {
    lines.on("line", (line) => {
      const [, found] = /bootstrap\.servers=(\S+)/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
    ended.then(() => reject(new Error("kcat has ended: is it installed? (apt-get install kcat)")), reject);
  });
  return {
    host,
    async [Symbol.asyncDispose]() {
      kcat.kill("SIGKILL");
      await ended;
    },
  };
}
