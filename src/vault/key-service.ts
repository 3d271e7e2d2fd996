import { readBounded } from '../bounded-body.ts'
import { VaultError } from './vault-error.ts'

/** Far above any response to the operations that the vault uses. */
const maxResponseBytes = 64 * 1024

/**
 * Loads the client library of a key service. The libraries are optional: throws a `key_service` {@link VaultError} that
 * names the package to install if it is missing.
 */
export async function loadClient<Library>(packageName: string, load: () => Promise<Library>): Promise<Library> {
  try {
    return await load()
  } catch {
    throw new VaultError(
      'key_service',
      `This key service requires the package ${packageName}, which cannot be loaded. Install it with: npm install ${packageName}`,
    )
  }
}

/**
 * Calls a key service and waits for at most `timeoutMs` in total. This includes the time in which its library reads
 * credentials or waits between attempts, which a timeout of a request does not cover.
 */
export async function withDeadline<Result>(
  timeoutMs: number,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const signal = AbortSignal.timeout(timeoutMs)
  const timeout = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('The key service did not respond in time.')), {
      once: true,
    })
  })
  return Promise.race([call(signal), timeout])
}

/** Reads a complete body. Throws if it is larger than 64 KiB. */
export async function readCapped(body: AsyncIterable<Uint8Array> | null): Promise<Buffer<ArrayBuffer>> {
  const content = await readBounded(body, maxResponseBytes)
  if (content === null) throw new Error('The response is too large.')
  return content
}
