import type { KeyEncryption, WrappingContext } from './key-encryption.ts'
import { readCapped } from './key-service.ts'
import type { Secret } from './secret.ts'
import { VaultError } from './vault-error.ts'

/** A key of the transit secrets engine. Its type must be `aes256-gcm96` or `chacha20-poly1305`. */
export interface TransitOptions {
  /** The server's base URL, such as `https://openbao.internal:8200`, without a trailing slash. */
  readonly address: string
  /** The engine's mount path. Default `transit`. */
  readonly mount?: string
  /** The key's name. */
  readonly key: string
  /** Returns a token that may encrypt and decrypt with the key. Called for each request, so that it can be renewed. */
  readonly token: () => Secret | Promise<Secret>
  readonly namespace?: string
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Deadline of a request in milliseconds. Default 5000. */
  readonly timeoutMs?: number
}

/**
 * Returns key encryption by the transit secrets engine of OpenBao or HashiCorp Vault (`/transit/encrypt/:name` and
 * `/transit/decrypt/:name`). The wrapping context is sent as `associated_data`. The engine stores older versions of its key.
 * Its `rewrap` operation drops the associated data and is not used; `keys rotate` creates a new data key instead.
 */
export function transitKeys(options: TransitOptions): KeyEncryption {
  const mount = options.mount ?? 'transit'
  const send = options.fetch ?? fetch

  const call = async (operation: 'encrypt' | 'decrypt', body: object): Promise<Record<string, unknown>> => {
    const path = `${mount}/${operation}/${encodeURIComponent(options.key)}`
    let status: number
    let text: string
    try {
      const token = await options.token()
      const response = await send(`${options.address}/v1/${path}`, {
        method: 'POST',
        // A redirect would send the token and a data key to another host.
        redirect: 'error',
        signal: AbortSignal.timeout(options.timeoutMs ?? 5_000),
        headers: {
          'content-type': 'application/json',
          'x-vault-request': 'true',
          'x-vault-token': token.reveal(),
          ...(options.namespace === undefined ? {} : { 'x-vault-namespace': options.namespace }),
        },
        body: JSON.stringify(body),
      })
      status = response.status
      text = (await readCapped(response.body)).toString('utf8')
    } catch {
      throw new VaultError(
        'key_service',
        `The transit engine at ${options.address} does not respond. Check VAULT_ADDR, and that this machine can connect to it.`,
      )
    }
    // The engine returns 400 for a ciphertext that does not open. Every other status is a failure of the service.
    if (status === 400 && operation === 'decrypt')
      throw new VaultError(
        'wrong_master_key',
        `The transit key ${mount}/${options.key} does not unwrap this data key. Set VALETKEY_TRANSIT_KEY to the key that wrapped it.`,
      )
    if (status !== 200)
      throw new VaultError(
        'key_service',
        `The transit engine at ${options.address} returned ${status} for ${path}. ${adviceFor(status)}`,
      )
    return dataOf(text, path)
  }

  return {
    id: `transit/${mount}/${options.key}`,
    setting: `the transit key ${mount}/${options.key}`,
    async wrap(key, context) {
      const { ciphertext } = await call('encrypt', {
        plaintext: Buffer.from(key).toString('base64'),
        associated_data: associatedData(context),
      })
      if (typeof ciphertext !== 'string' || ciphertext === '') throw unexpectedResponse('encrypt')
      return ciphertext
    },
    async unwrap(blob, context) {
      const { plaintext } = await call('decrypt', { ciphertext: blob, associated_data: associatedData(context) })
      if (typeof plaintext !== 'string') throw unexpectedResponse('decrypt')
      return new Uint8Array(Buffer.from(plaintext, 'base64'))
    },
  }
}

const associatedData = ({ purpose, kid }: WrappingContext) =>
  Buffer.from(JSON.stringify(['v1', purpose, kid])).toString('base64')

function adviceFor(status: number): string {
  if (status === 403) return 'Check that VAULT_TOKEN is valid and may encrypt and decrypt with this key.'
  if (status === 400 || status === 404) return 'Check the name of the key, its type and the namespace.'
  return 'Check that the engine is running and unsealed.'
}

function dataOf(text: string, path: string): Record<string, unknown> {
  try {
    const { data } = JSON.parse(text) as { data?: unknown }
    if (typeof data === 'object' && data !== null) return data as Record<string, unknown>
  } catch {
    // Reported below without the body and the parser's message, which may contain a data key.
  }
  throw unexpectedResponse(path)
}

const unexpectedResponse = (path: string) =>
  new VaultError('key_service', `The transit engine returned an unexpected response to ${path}.`)
