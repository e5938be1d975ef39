import type { Message } from "zeromq";

interface Receiver extends AsyncIterable<Message[]> {
  readonly closed: boolean;
}

/**
 * Everything a socket receives until it is closed. The socket's own iterator throws ENOTSOCK when close() comes between two
 * receives; that is a normal end here.
 */
export async function* receiving(socket: Receiver): AsyncGenerator<Message[]> {
  try {
    yield* socket;
  } catch (error) {
    if (!socket.closed) throw error;
  }
}
