import { Readable } from 'node:stream'
import type { KeyEncryption } from './key-encryption.ts'
import { loadClient, readCapped, withDeadline } from './key-service.ts'
import { VaultError } from './vault-error.ts'

/** The AWS KMS key that wraps. It must be a symmetric encryption key. */
export interface AwsKmsOptions {
  /**
   * A key's ARN, ID, alias or alias ARN. An alias that is moved to another key no longer opens what the first key wrapped.
   * Rotation of the key's material by AWS preserves the ARN and opens everything.
   */
  readonly key: string
  /** Deadline of an operation in milliseconds, including credentials and retries. Default 10000. */
  readonly timeoutMs?: number
}

/** Errors of AWS KMS for a ciphertext of another key or context, or a changed one. */
const doesNotOpen = new Set(['InvalidCiphertextException', 'IncorrectKeyException'])

/**
 * Returns key encryption by AWS KMS (operations `Encrypt` and `Decrypt`). The wrapping context is the encryption context,
 * which CloudTrail shows and which contains no secret. The AWS SDK reads region, credentials and endpoint (`AWS_REGION`,
 * `AWS_ENDPOINT_URL_KMS`, profiles, roles); the region of an ARN takes precedence.
 * Throws a `key_service` {@link VaultError} when `@aws-sdk/client-kms` is not installed.
 */
export async function awsKmsKeys({ key, timeoutMs = 10_000 }: AwsKmsOptions): Promise<KeyEncryption> {
  const { DecryptCommand, EncryptCommand, KMSClient } = await loadClient(
    '@aws-sdk/client-kms',
    () => import('@aws-sdk/client-kms'),
  )
  const region = /^arn:[^:]+:kms:([^:]+):/.exec(key)?.[1]
  const client = new KMSClient({ maxAttempts: 2, ...(region === undefined ? {} : { region }) })
  client.middlewareStack.add(
    (next) => async (request) => {
      const result = await next(request)
      const { response } = result as { response: { body?: unknown } }
      if (response.body instanceof Readable) response.body = Readable.from([await readCapped(response.body)])
      return result
    },
    // The last step before the wire, so that the SDK has not read the body yet.
    { step: 'deserialize', priority: 'low', name: 'capResponse' },
  )

  const call = async <Result>(operation: string, send: (abortSignal: AbortSignal) => Promise<Result>) => {
    try {
      return await withDeadline(timeoutMs, send)
    } catch (error) {
      const name = error instanceof Error ? error.name : ''
      if (operation === 'Decrypt' && doesNotOpen.has(name))
        throw new VaultError(
          'wrong_master_key',
          `The AWS KMS key ${key} does not unwrap this data key. Set VALETKEY_AWS_KMS_KEY to the key that wrapped it.`,
        )
      // Only the name: a message of the SDK may quote the response, which may contain a data key.
      throw new VaultError(
        'key_service',
        `AWS KMS: ${operation} with ${key} failed (${name}). Check its region, credentials and permissions, and that this machine can connect to it.`,
      )
    }
  }

  return {
    id: `aws-kms/${key}`,
    setting: `the AWS KMS key ${key}`,
    async wrap(bytes, context) {
      const { CiphertextBlob } = await call('Encrypt', (abortSignal) =>
        client.send(new EncryptCommand({ KeyId: key, Plaintext: bytes, EncryptionContext: context }), { abortSignal }),
      )
      if (!CiphertextBlob?.length) throw unexpectedResponse('Encrypt')
      return Buffer.from(CiphertextBlob).toString('base64')
    },
    async unwrap(blob, context) {
      const { Plaintext } = await call('Decrypt', (abortSignal) =>
        client.send(
          new DecryptCommand({
            // Required, although KMS can derive it: an attacker who writes to the database must not choose the key.
            KeyId: key,
            CiphertextBlob: Buffer.from(blob, 'base64'),
            EncryptionContext: context,
          }),
          { abortSignal },
        ),
      )
      if (!Plaintext?.length) throw unexpectedResponse('Decrypt')
      return Plaintext
    },
  }
}

const unexpectedResponse = (operation: string) =>
  new VaultError('key_service', `AWS KMS returned an unexpected response to ${operation}.`)
