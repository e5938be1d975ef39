// What the client is told of a message beside its body. It is most of what a message costs the sender: properties that are
// spread and headers of its own take five times as long as this.
import type { Options } from "amqplib";

type Headers = { [name: string]: unknown };

/**
 * The client makes these the prototype of another object, and the engine of JavaScript takes long to prepare an object for
 * that: so it is the same one for all messages. The client has read it when its `publish` returns.
 */
const shared: Headers = {};

/**
 * @param how - Whether a crash of the server spares it; the number by which the server gives back what is in no queue.
 * @returns To be given to the client at once: the headers are those of this message until the next call.
 */
export function toPublish(
  { contentType, contentEncoding, headers, messageId, timestamp, type, appId, replyTo }: Options.Publish,
  { persistent, n }: { persistent: boolean; n: string | undefined },
): Options.Publish {
  const options: Options.Publish = { persistent, mandatory: n !== undefined };
  if (n !== undefined) options.correlationId = n;
  if (contentType !== undefined) options.contentType = contentType;
  if (contentEncoding !== undefined) options.contentEncoding = contentEncoding;
  if (headers !== undefined) options.headers = share(headers);
  if (messageId !== undefined) options.messageId = messageId;
  if (timestamp !== undefined) options.timestamp = timestamp;
  if (type !== undefined) options.type = type;
  if (appId !== undefined) options.appId = appId;
  if (replyTo !== undefined) options.replyTo = replyTo;
  return options;
}

function share(headers: Headers): Headers {
  for (const name in shared) if (!Object.hasOwn(headers, name)) delete shared[name];
  return Object.assign(shared, headers);
}
