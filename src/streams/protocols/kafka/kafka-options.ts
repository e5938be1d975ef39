// What producers and consumers of Kafka are connected with. Without a type of the client, which not everybody has. Pure.

export interface KafkaOptions {
  /** `host:port` of one or more brokers, with commas between them. Default: the variable KAFKA_HOST, or 127.0.0.1:9092. */
  host?: string;
}
