import { Readable } from 'node:stream'
import type { KeyEncryption } from './key-encryption.ts'
import { loadClient, readCapped, withDeadline } from './key-service.ts'
import { VaultError } from './vault-error.ts'

/** Which key of AWS KMS wraps. It has to be a symmetric one for encrypting and decrypting. */
export interface AwsKmsOptions {
  /**
   * A key's ARN, id, alias or alias ARN. An alias that is pointed at another key no longer opens what the first one has
   * wrapped; the rotation of a key's material by AWS keeps its ARN and opens everything.
   */
  readonly key: string
  /** For a whole operation, credentials and repetitions included. Default 10000. */
  readonly timeoutMs?: number
}

/** What AWS KMS says to a ciphertext of another key or context, or one that was changed. */
const doesNotOpen = new Set(['InvalidCiphertextException', 'IncorrectKeyException'])

/**
 * Key encryption by AWS KMS (its operations `Encrypt` and `Decrypt`). What a data key is wrapped for is the encryption
 * context, which CloudTrail shows and which holds nothing secret. Region, credentials and endpoint come from where the
 * AWS SDK looks for them (`AWS_REGION`, `AWS_ENDPOINT_URL_KMS`, profiles, roles); an ARN says its region itself.
 * Fails with a `key_service` {@link VaultError} when `@aws-sdk/client-kms` is not installed.
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
    // Next to the wire: before anything of the SDK has read the body.
    { step: 'deserialize', priority: 'low', name: 'capAnswer' },
  )

  const ask = async <Answer>(operation: string, send: (abortSignal: AbortSignal) => Promise<Answer>) => {
    try {
      return await withDeadline(timeoutMs, send)
    } catch (error) {
      const name = error instanceof Error ? error.name : ''
      if (operation === 'Decrypt' && doesNotOpen.has(name))
        throw new VaultError('wrong_master_key', `The AWS KMS key ${key} does not unwrap this data key.`)
      // Only the name: messages of the SDK may quote the answer, and that may hold a data key.
      throw new VaultError(
        'key_service',
        `AWS KMS did not ${operation} with ${key} (${name}). Are its region, credentials and permissions right?`,
      )
    }
  }

  return {
    id: `aws-kms/${key}`,
    setting: `the AWS KMS key ${key}`,
    async wrap(bytes, context) {
      const { CiphertextBlob } = await ask('Encrypt', (abortSignal) =>
        client.send(new EncryptCommand({ KeyId: key, Plaintext: bytes, EncryptionContext: context }), { abortSignal }),
      )
      if (!CiphertextBlob?.length) throw nonsense('Encrypt')
      return Buffer.from(CiphertextBlob).toString('base64')
    },
    async unwrap(blob, context) {
      const { Plaintext } = await ask('Decrypt', (abortSignal) =>
        client.send(
          new DecryptCommand({
            // Named although KMS would find it out: who can write to the database must not choose the key.
            KeyId: key,
            CiphertextBlob: Buffer.from(blob, 'base64'),
            EncryptionContext: context,
          }),
          { abortSignal },
        ),
      )
      if (!Plaintext?.length) throw nonsense('Decrypt')
      return Plaintext
    },
  }
}

const nonsense = (operation: string) =>
  new VaultError('key_service', `The answer of AWS KMS to ${operation} is not what its documentation says.`)
