import type { Message } from "zeromq";

interface Receiver extends AsyncIterable<Message[]> {
  readonly closed: boolean;
}

/**
 * All that a socket receives until it is closed. A receive that has its turn only after that fails with ENOTSOCK, which
 * the socket's own iterator takes for an error.
 */
export async function* receiving(socket: Receiver): AsyncGenerator<Message[]> {
  try {
    yield* socket;
  } catch (error) {
    if (!socket.closed) throw error;
  }
}
