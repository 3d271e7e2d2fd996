/**
 * The maximum body of a request in bytes, at every entrance, so that an input of a tool that one takes is taken by all.
 * Notion accepts 500 KB; the rest is for the envelope and for files in base64.
 */
export const maxRequestBytes = 1_000_000

/** Reads a body to its end; null when it is larger than `maxBytes`, and then the rest is not read. */
export async function readBounded(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    // Leaving the loop ends the stream.
    if (size > maxBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
