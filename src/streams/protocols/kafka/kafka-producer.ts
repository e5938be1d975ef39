// Sends messages to a topic of Kafka, which has the name of the queue.
import type { Producer as KafkaClient } from "kafkajs";
import type { Json } from "../../../protocol/json.ts";
import { Producer } from "../../contract/producer.ts";
import { createKafka, loadKafka, unreachable } from "./kafka-client.ts";
import type { KafkaOptions } from "./kafka-options.ts";

export interface KafkaSending {
  /** Messages of one key keep their order. */
  key?: string;
}

export class KafkaProducer extends Producer<KafkaOptions, KafkaSending> {
  readonly protocol = "KafkaHandler";
  #client: KafkaClient | undefined;

  protected override async open(): Promise<void> {
    const library = await loadKafka();
    const { DefaultPartitioner } = library.Partitioners;
    this.#client = createKafka(library, this.options).producer({ createPartitioner: DefaultPartitioner });
    await this.#client.connect().catch((error: unknown) => {
      throw unreachable(this.options, error);
    });
  }

  protected async deliver(message: Json, { key }: KafkaSending): Promise<void> {
    const value = JSON.stringify(message);
    const sent = this.#client?.send({
      topic: this.queue,
      messages: [key === undefined ? { value } : { key, value }],
    });
    await sent?.catch((error: unknown) => {
      throw unreachable(this.options, error);
    });
  }

  protected override async shut(): Promise<void> {
    await this.#client?.disconnect();
  }
}
