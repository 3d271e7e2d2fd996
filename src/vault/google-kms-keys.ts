import { crc32c } from './crc32c.ts'
import type { KeyEncryption, WrappingContext } from './key-encryption.ts'
import { loadClient, readCapped, withDeadline } from './key-service.ts'
import { VaultError } from './vault-error.ts'

/** Which key of Google Cloud KMS wraps. Its purpose has to be `ENCRYPT_DECRYPT`. */
export interface GoogleKmsOptions {
  /** `projects/…/locations/…/keyRings/…/cryptoKeys/…`, without a version: Google finds the one that a blob is of. */
  readonly key: string
  /** The origin of the API, when it is not https://cloudkms.googleapis.com. */
  readonly endpoint?: string
  /** For a whole operation, credentials and repetitions included. Default 10000. */
  readonly timeoutMs?: number
}

/** Google recommends to repeat what was damaged on the way a limited number of times. */
const attempts = 2

/**
 * Key encryption by Google Cloud KMS (`cryptoKeys.encrypt` and `cryptoKeys.decrypt`, over REST). What a data key is
 * wrapped for is the additional authenticated data, as canonical JSON (RFC 8785). Both ways are checked by CRC32C as the
 * guide to data integrity recommends. Credentials are Google's application default credentials.
 * Fails with a `key_service` {@link VaultError} when `@google-cloud/kms` is not installed.
 */
export async function googleKmsKeys({ key, endpoint, timeoutMs = 10_000 }: GoogleKmsOptions): Promise<KeyEncryption> {
  const { KeyManagementServiceClient } = await loadClient('@google-cloud/kms', () => import('@google-cloud/kms'))
  const client = new KeyManagementServiceClient({
    // One key is unwrapped at the start and at each rotation: no channel has to be held open for that.
    fallback: true,
    ...(endpoint === undefined ? {} : addressOf(endpoint)),
    clientOptions: { transporterOptions: { fetchImplementation: guardedFetch(timeoutMs) } },
  })
  // The library's own repetition does not know the deadline.
  const callOptions = { timeout: timeoutMs, retry: { retryCodes: [] } }

  const ask = async <Answer>(operation: 'encrypt' | 'decrypt', send: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await withDeadline(timeoutMs, send)
    } catch (error) {
      if (error instanceof VaultError) throw error
      const { status, reason } = refusalOf(error)
      // What Google says to a ciphertext of another key or context, or one that was changed.
      if (operation === 'decrypt' && reason === 'INVALID_ARGUMENT')
        throw new VaultError('wrong_master_key', `The Google Cloud KMS key ${key} does not unwrap this data key.`)
      // No text of the library: it may quote the answer, and that may hold a data key.
      throw new VaultError(
        'key_service',
        `Google Cloud KMS did not ${operation} with ${key} (${reason ?? status ?? 'no answer'}). Are its credentials and permissions right?`,
      )
    }
  }

  return {
    id: `google-kms/${key}`,
    setting: `the Google Cloud KMS key ${key}`,
    wrap: (bytes, context) =>
      ask('encrypt', () =>
        intact(async () => {
          const associated = associatedData(context)
          const [answer] = await client.encrypt(
            {
              name: key,
              plaintext: bytes,
              plaintextCrc32c: { value: crc32c(bytes) },
              additionalAuthenticatedData: associated,
              additionalAuthenticatedDataCrc32c: { value: crc32c(associated) },
            },
            callOptions,
          )
          const ciphertext = bytesOf(answer.ciphertext)
          const arrived = answer.verifiedPlaintextCrc32c && answer.verifiedAdditionalAuthenticatedDataCrc32c
          return arrived && isOf(answer.ciphertextCrc32c, ciphertext)
            ? Buffer.from(ciphertext).toString('base64')
            : damaged
        }),
      ),
    unwrap: (blob, context) =>
      ask('decrypt', () =>
        intact(async () => {
          const associated = associatedData(context)
          const ciphertext = Buffer.from(blob, 'base64')
          const [answer] = await client.decrypt(
            {
              name: key,
              ciphertext,
              ciphertextCrc32c: { value: crc32c(ciphertext) },
              additionalAuthenticatedData: associated,
              additionalAuthenticatedDataCrc32c: { value: crc32c(associated) },
            },
            callOptions,
          )
          const plaintext = bytesOf(answer.plaintext)
          return isOf(answer.plaintextCrc32c, plaintext) ? plaintext : damaged
        }),
      ),
  }
}

/** The members in the order of their names, as RFC 8785 has them; their values need no other care. */
const associatedData = ({ kid, purpose }: WrappingContext) => Buffer.from(JSON.stringify({ kid, purpose }))

function addressOf(endpoint: string): { apiEndpoint: string; port: number; protocol: string } {
  const { hostname, port, protocol } = new URL(endpoint)
  return {
    apiEndpoint: hostname,
    port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port),
    protocol: protocol.slice(0, -1),
  }
}

/** Over REST the library follows redirects with a data key in the body, ends no request, and reads any length. */
function guardedFetch(timeoutMs: number): typeof fetch {
  return async (input, init) => {
    const limit = AbortSignal.timeout(timeoutMs)
    const signal = init?.signal ? AbortSignal.any([init.signal, limit]) : limit
    const response = await fetch(input, { ...init, redirect: 'error', signal })
    const { status, statusText, headers } = response
    const body = await readCapped(response.body)
    return new Response(body.length === 0 ? null : body, { status, statusText, headers })
  }
}

const damaged = Symbol('damaged')

/** Runs an operation again when its request or its answer was damaged on the way. */
async function intact<Result>(run: () => Promise<Result | typeof damaged>): Promise<Result> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const result = await run()
    if (result !== damaged) return result
  }
  throw new VaultError('key_service', "Google Cloud KMS's answer does not carry the checksums that prove it whole.")
}

/** Whether Google's checksum of an answer's bytes is there and right. */
const isOf = (checksum: { value?: unknown } | null | undefined, bytes: Uint8Array) =>
  bytes.length > 0 && checksum?.value !== undefined && String(checksum.value) === String(crc32c(bytes))

const bytesOf = (value: Uint8Array | string | null | undefined) =>
  typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : new Uint8Array(value ?? [])

/** Google's error model: a status of HTTP, and in the body a name such as `PERMISSION_DENIED`. */
function refusalOf(error: unknown): { readonly status?: number; readonly reason?: string } {
  const { response } = error as { response?: { status: number; data?: unknown } }
  if (response === undefined) return {}
  try {
    const body = JSON.parse(String(response.data)) as { error?: { status?: unknown } }
    const reason = body.error?.status
    if (typeof reason === 'string' && /^[A-Z_]{1,40}$/.test(reason)) return { status: response.status, reason }
  } catch {
    // An answer of something between here and Google.
  }
  return { status: response.status }
}
