import { VaultError } from './vault-error.ts'

/** Far above any answer of the operations that the vault asks for. Bytes. */
const longestAnswer = 64 * 1024

/**
 * Loads the client library of a key service. Nobody has to install the library of a service that they do not use: when
 * it is missing, a `key_service` {@link VaultError} names the package to install.
 */
export async function loadClient<Library>(packageName: string, load: () => Promise<Library>): Promise<Library> {
  try {
    return await load()
  } catch {
    throw new VaultError(
      'key_service',
      `This key service needs the package ${packageName}, which cannot be loaded. Install it with: npm install ${packageName}`,
    )
  }
}

/**
 * Asks a key service and waits for at most `timeoutMs` altogether, also while its library looks for credentials or
 * waits between attempts, which no timeout of a single request covers.
 */
export async function withDeadline<Answer>(
  timeoutMs: number,
  ask: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs)
  const over = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('The key service did not answer in time.')), { once: true })
  })
  return Promise.race([ask(signal), over])
}

/** Reads a body whole, or fails when it is longer than any that a key service has reason to send. */
export async function readCapped(body: AsyncIterable<Uint8Array> | null): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > longestAnswer) throw new Error('The answer is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
