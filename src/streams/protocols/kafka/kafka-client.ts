// The Kafka client, which is installed by whoever uses this protocol, and how it is connected.
import type { Kafka } from "kafkajs";
import { reasonOf, ZcontextError } from "../../../errors.ts";
import { missing } from "../../../missing-package.ts";
import type { KafkaOptions } from "./kafka-options.ts";

const HOST = "127.0.0.1:9092";
const CONNECT_MS = 3_000;

export type KafkaLibrary = typeof import("kafkajs");

/** @throws {ZcontextError} `ERR_ENGINE_MISSING`. */
export async function loadKafka(): Promise<KafkaLibrary> {
  try {
    const loaded = await import("kafkajs");
    return loaded.default ?? loaded;
  } catch (error) {
    throw missing(error, "protocol KafkaHandler", ["kafkajs"]) ?? error;
  }
}

export function brokersOf({ host = process.env.KAFKA_HOST ?? HOST }: KafkaOptions): string[] {
  return host.split(",").map((broker) => broker.trim());
}

export function createKafka({ Kafka, logLevel }: KafkaLibrary, options: KafkaOptions): Kafka {
  return new Kafka({
    clientId: "zcontext",
    brokers: brokersOf(options),
    connectionTimeout: CONNECT_MS,
    // What goes wrong is thrown, or told to `onError`; the client's own lines would come a second time.
    logLevel: logLevel.NOTHING,
  });
}

export function unreachable(options: KafkaOptions, error: unknown): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `kafka at ${brokersOf(options).join(", ")}: ${reasonOf(error)}`, {
    hint: "Does it run? The option host or the variable KAFKA_HOST says where it is.",
    cause: error,
  });
}
