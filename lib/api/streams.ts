/** Answers that are sent piece by piece. */

const encoder = new TextEncoder();
/** Proxies close connections that stay silent; a comment line is no event (HTML, Server-sent events). */
const HEARTBEAT_MS = 15_000;

/** A file download of text chunks; what comes next is read only when the client has taken what came before. */
export function downloadResponse(
  chunks: AsyncIterable<string>,
  options: { contentType: string; fileName: string },
): Response {
  const iterator = chunks[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) {
        controller.close();
      } else {
        controller.enqueue(encoder.encode(value));
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });

  return new Response(body, {
    headers: {
      "content-type": options.contentType,
      "content-disposition": `attachment; filename="${options.fileName}"`,
    },
  });
}

/** One server-sent event. */
export type StreamEvent = { readonly id: string; readonly name: string; readonly data: unknown };

/**
 * A stream of server-sent events that ends with the client, with `signal`, or with its source.
 * @param source.open starts the source; it ends when the signal that it is given aborts
 * @param source.onEnd called once the stream has ended, however it did
 */
export function eventStreamResponse<Item>(
  signal: AbortSignal,
  source: {
    open(ended: AbortSignal): AsyncIterable<Item>;
    toEvent(item: Item): StreamEvent;
    onEnd(): void;
  },
): Response {
  const { open, toEvent, onEnd } = source;
  const gone = new AbortController();
  const ended = AbortSignal.any([signal, gone.signal]);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => {
        if (!ended.aborted) {
          controller.enqueue(encoder.encode(text));
        }
      };
      const heartbeat = setInterval(() => send(": alive\n\n"), HEARTBEAT_MS);
      const pump = async () => {
        for await (const item of open(ended)) {
          const { id, name, data } = toEvent(item);
          send(`id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
        }
      };

      send("retry: 3000\n\n");
      pump()
        .then(() => {
          if (!gone.signal.aborted) {
            controller.close();
          }
        })
        .catch((error: unknown) => {
          // The client sees the stream end and asks again.
          if (!gone.signal.aborted) {
            controller.error(error);
          }
        })
        .finally(() => {
          clearInterval(heartbeat);
          gone.abort();
          onEnd();
        });
    },
    cancel() {
      gone.abort();
    },
  });

  return new Response(body, {
    headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" },
  });
}
