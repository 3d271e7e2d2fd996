import type { KeyEncryption, WrappingContext } from './key-encryption.ts'
import { loadClient, readCapped, withDeadline } from './key-service.ts'
import { VaultError } from './vault-error.ts'

/** The Google Cloud KMS key that wraps. Its purpose must be `ENCRYPT_DECRYPT`. */
export interface GoogleKmsOptions {
  /** `projects/…/locations/…/keyRings/…/cryptoKeys/…`, without a version: Google derives it from the blob. */
  readonly key: string
  /** Origin of the API. Default https://cloudkms.googleapis.com. */
  readonly endpoint?: string
  /** Deadline of an operation in milliseconds, including credentials and retries. Default 10000. */
  readonly timeoutMs?: number
}

/** Google recommends a limited number of retries after a checksum mismatch. */
const maxAttempts = 2

/**
 * Returns key encryption by Google Cloud KMS (`cryptoKeys.encrypt` and `cryptoKeys.decrypt`, over REST). The wrapping
 * context is the additional authenticated data, as canonical JSON (RFC 8785). Requests and responses are checked by CRC-32C.
 * Credentials are Google's application default credentials.
 * Throws a `key_service` {@link VaultError} when `@google-cloud/kms` is not installed.
 *
 * @see https://cloud.google.com/kms/docs/data-integrity-guidelines
 */
export async function googleKmsKeys({ key, endpoint, timeoutMs = 10_000 }: GoogleKmsOptions): Promise<KeyEncryption> {
  const { KeyManagementServiceClient } = await loadClient('@google-cloud/kms', () => import('@google-cloud/kms'))
  const client = new KeyManagementServiceClient({
    // REST instead of gRPC: requests are rare, and an open channel is not required.
    fallback: true,
    ...(endpoint === undefined ? {} : addressOf(endpoint)),
    clientOptions: { transporterOptions: { fetchImplementation: guardedFetch(timeoutMs) } },
  })
  // The library's own retries ignore the deadline.
  const callOptions = { timeout: timeoutMs, retry: { retryCodes: [] } }

  const call = async <Result>(operation: 'encrypt' | 'decrypt', send: () => Promise<Result>): Promise<Result> => {
    try {
      return await withDeadline(timeoutMs, send)
    } catch (error) {
      if (error instanceof VaultError) throw error
      const { status, reason } = refusalOf(error)
      // Google's error for a ciphertext of another key or context, or a changed one.
      if (operation === 'decrypt' && reason === 'INVALID_ARGUMENT')
        throw new VaultError(
          'wrong_master_key',
          `The Google Cloud KMS key ${key} does not unwrap this data key. Set VALETKEY_GOOGLE_KMS_KEY to the key that wrapped it.`,
        )
      // Without the library's message: it may quote the response, which may contain a data key.
      throw new VaultError(
        'key_service',
        `Google Cloud KMS: ${operation} with ${key} failed (${reason ?? status ?? 'no response'}). Check its credentials and permissions, and that this machine can connect to it.`,
      )
    }
  }

  return {
    id: `google-kms/${key}`,
    setting: `the Google Cloud KMS key ${key}`,
    wrap: (bytes, context) =>
      call('encrypt', () =>
        intact(async () => {
          const associated = associatedData(context)
          const [response] = await client.encrypt(
            {
              name: key,
              plaintext: bytes,
              plaintextCrc32c: { value: crc32c(bytes) },
              additionalAuthenticatedData: associated,
              additionalAuthenticatedDataCrc32c: { value: crc32c(associated) },
            },
            callOptions,
          )
          const ciphertext = bytesOf(response.ciphertext)
          const verified = response.verifiedPlaintextCrc32c && response.verifiedAdditionalAuthenticatedDataCrc32c
          return verified && hasChecksum(response.ciphertextCrc32c, ciphertext)
            ? Buffer.from(ciphertext).toString('base64')
            : damaged
        }),
      ),
    unwrap: (blob, context) =>
      call('decrypt', () =>
        intact(async () => {
          const associated = associatedData(context)
          const ciphertext = Buffer.from(blob, 'base64')
          const [response] = await client.decrypt(
            {
              name: key,
              ciphertext,
              ciphertextCrc32c: { value: crc32c(ciphertext) },
              additionalAuthenticatedData: associated,
              additionalAuthenticatedDataCrc32c: { value: crc32c(associated) },
            },
            callOptions,
          )
          const plaintext = bytesOf(response.plaintext)
          return hasChecksum(response.plaintextCrc32c, plaintext) ? plaintext : damaged
        }),
      ),
  }
}

/** Canonical JSON (RFC 8785): members in the order of their names. */
const associatedData = ({ kid, purpose }: WrappingContext) => Buffer.from(JSON.stringify({ kid, purpose }))

function addressOf(endpoint: string): { apiEndpoint: string; port: number; protocol: string } {
  const { hostname, port, protocol } = new URL(endpoint)
  return {
    apiEndpoint: hostname,
    port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port),
    protocol: protocol.slice(0, -1),
  }
}

/** Refuses redirects, which would send a data key to another host, and limits time and size. The library does neither. */
function guardedFetch(timeoutMs: number): typeof fetch {
  return async (input, init) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout
    const response = await fetch(input, { ...init, redirect: 'error', signal })
    const { status, statusText, headers } = response
    const body = await readCapped(response.body)
    return new Response(body.length === 0 ? null : body, { status, statusText, headers })
  }
}

const damaged = Symbol('damaged')

/** Runs an operation again when its request or response was damaged in transit. */
async function intact<Result>(run: () => Promise<Result | typeof damaged>): Promise<Result> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const result = await run()
    if (result !== damaged) return result
  }
  throw new VaultError('key_service', 'Google Cloud KMS returned a response without valid checksums.')
}

/** Returns whether Google's checksum of the bytes is present and correct. */
const hasChecksum = (checksum: { value?: unknown } | null | undefined, bytes: Uint8Array) =>
  bytes.length > 0 && checksum?.value !== undefined && String(checksum.value) === String(crc32c(bytes))

const bytesOf = (value: Uint8Array | string | null | undefined) =>
  typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : new Uint8Array(value ?? [])

/** Returns the HTTP status and Google's error name, such as `PERMISSION_DENIED`. */
function refusalOf(error: unknown): { readonly status?: number; readonly reason?: string } {
  const { response } = error as { response?: { status: number; data?: unknown } }
  if (response === undefined) return {}
  try {
    const body = JSON.parse(String(response.data)) as { error?: { status?: unknown } }
    const reason = body.error?.status
    if (typeof reason === 'string' && /^[A-Z_]{1,40}$/.test(reason)) return { status: response.status, reason }
  } catch {
    // The response is from an intermediary.
  }
  return { status: response.status }
}

/** The Castagnoli polynomial, bits reversed. */
const polynomial = 0x82f63b78

/**
 * Returns the CRC-32C of some bytes as an unsigned number. Node's `zlib.crc32` uses another polynomial. Works bit by bit:
 * the inputs have a few hundred bytes.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
