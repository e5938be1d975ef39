// The bare client of RabbitMQ. Events have the promises of ours: a quorum queue behind a topic exchange, and confirms.
import { connect as connectAmqp } from "amqplib";
import { call, counter, produce, role, say, told } from "./roles.mjs";

const [EXCHANGE, QUEUE, METHOD] = ["bare", "bare.orders.created", "bare.echo.say"];
const REPLIES = "amq.rabbitmq.reply-to";
const connection = await connectAmqp(process.env.RABBITMQ);
const encode = (value) => Buffer.from(JSON.stringify(value));

if (role === "produce") {
  const channel = await connection.createConfirmChannel();
  const options = { persistent: true, mandatory: true, contentType: "application/json" };
  await produce(
    (content) =>
      new Promise((resolve, reject) => {
        channel.publish(EXCHANGE, "orders.created", encode(content), options, (error) =>
          error === null ? resolve() : reject(error),
        );
      }),
  );
  await connection.close();
} else if (role === "consume") {
  const channel = await connection.createChannel();
  await channel.assertExchange(EXCHANGE, "topic", { durable: true });
  const limits = { "x-max-length": 100_000, "x-overflow": "reject-publish" };
  await channel.assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum", ...limits } });
  await channel.bindQueue(QUEUE, EXCHANGE, "orders.created");
  await channel.purgeQueue(QUEUE);
  await channel.prefetch(500);
  const handled = counter();
  await channel.consume(QUEUE, (message) => {
    JSON.parse(message.content.toString());
    channel.ack(message);
    if (handled()) told().then(() => connection.close());
  });
  say("ready");
} else if (role === "serve") {
  const channel = await connection.createChannel();
  await channel.assertQueue(METHOD, { durable: false, autoDelete: true });
  await channel.consume(
    METHOD,
    ({ content, properties: { replyTo, correlationId } }) =>
      channel.sendToQueue(replyTo, encode(JSON.parse(content.toString())), { correlationId }),
    { noAck: true },
  );
  say("ready");
} else {
  const channel = await connection.createChannel();
  const waiting = new Map();
  let last = 0;
  const hear = ({ content, properties: { correlationId } }) => {
    waiting.get(correlationId)(JSON.parse(content.toString()));
    waiting.delete(correlationId);
  };
  await channel.consume(REPLIES, hear, { noAck: true });
  await call((params) => {
    last += 1;
    const correlationId = String(last);
    return new Promise((resolve) => {
      waiting.set(correlationId, resolve);
      channel.sendToQueue(METHOD, encode(params), { correlationId, replyTo: REPLIES });
    });
  });
  await connection.close();
}
