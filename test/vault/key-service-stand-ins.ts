import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  verify,
} from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32c } from '../../src/vault/google-kms-keys.ts'

/** A response of a stand-in: a status and a JSON body. */
type Answer = readonly [status: number, body: object]

/** A request to a stand-in, with its JSON body parsed. */
interface Call {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Record<string, unknown>
}

/** Starts a server on a free port. */
export async function serve(listener: RequestListener): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const answering =
  (answer: (call: Call) => Answer): RequestListener =>
  (request, response) => {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      const [status, json] = answer({ url: request.url ?? '', headers: request.headers, body: JSON.parse(text) })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    })
  }

function encrypt(key: Buffer, plaintext: Buffer, associated: Buffer): Buffer {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(associated)
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Returns null when the ciphertext does not open. */
function decrypt(key: Buffer, sealed: Buffer, associated: Buffer): Buffer | null {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
    decipher.setAAD(associated).setAuthTag(sealed.subarray(-16))
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
  } catch {
    return null
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')
const bytes = (value: unknown) => Buffer.from(text(value), 'base64')

/** The transit engine of OpenBao and Vault, with the keys `valetkey` and `another`, for one token. */
export function transitEngine(token: string): RequestListener {
  const keys = new Map(['valetkey', 'another'].map((name) => [name, randomBytes(32)]))
  return answering(({ url, headers, body }) => {
    if (headers['x-vault-token'] !== token) return [403, { errors: ['permission denied'] }]
    const [, operation, name = ''] = /^\/v1\/transit\/(encrypt|decrypt)\/(.+)$/.exec(url) ?? []
    const key = keys.get(name)
    if (!key) return [404, { errors: [] }]
    const associated = bytes(body['associated_data'])
    if (operation === 'encrypt') {
      const sealed = encrypt(key, bytes(body['plaintext']), associated)
      return [200, { data: { ciphertext: `vault:v1:${sealed.toString('base64')}`, key_version: 1 } }]
    }
    const [, sealed] = /^vault:v1:(.+)$/.exec(text(body['ciphertext'])) ?? []
    const plaintext = decrypt(key, bytes(sealed), associated)
    if (!plaintext) return [400, { errors: ['invalid ciphertext: could not decrypt'] }]
    return [200, { data: { plaintext: plaintext.toString('base64') } }]
  })
}

/** AWS KMS over JSON 1.1 (`TrentService.Encrypt`, `.Decrypt`), with two aliases, for one access key. */
export function awsKms(accessKeyId: string): RequestListener {
  const aliases = ['alias/valetkey', 'alias/another']
  const keys = aliases.map(() => randomBytes(32))
  const refuse = (type: string): Answer => [400, { __type: type, message: 'refused' }]
  return answering(({ headers, body }) => {
    if (!headers.authorization?.startsWith(`AWS4-HMAC-SHA256 Credential=${accessKeyId}/`))
      return refuse('UnrecognizedClientException')
    const index = aliases.indexOf(text(body['KeyId']))
    const key = keys[index]
    if (!key) return refuse('NotFoundException')
    const arn = `arn:aws:kms:eu-central-1:111122223333:key/${index}`
    const context = Object.entries(body['EncryptionContext'] ?? {}).sort(([one], [other]) => (one < other ? -1 : 1))
    const associated = Buffer.from(JSON.stringify(context))
    switch (headers['x-amz-target']) {
      case 'TrentService.Encrypt': {
        // As in the real service, the blob names its key.
        const blob = Buffer.concat([Buffer.from([index]), encrypt(key, bytes(body['Plaintext']), associated)])
        return [200, { CiphertextBlob: blob.toString('base64'), KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }]
      }
      case 'TrentService.Decrypt': {
        const blob = bytes(body['CiphertextBlob'])
        if (blob[0] !== index) return refuse('IncorrectKeyException')
        const plaintext = decrypt(key, blob.subarray(1), associated)
        if (!plaintext) return refuse('InvalidCiphertextException')
        return [200, { Plaintext: plaintext.toString('base64'), KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }]
      }
    }
    return refuse('UnknownOperationException')
  })
}

/** A service account of Google Cloud: its credentials file, and the public key that verifies its tokens. */
export interface ServiceAccount {
  readonly email: string
  /** The content of the file that `GOOGLE_APPLICATION_CREDENTIALS` names. */
  readonly file: string
  isBearer(authorization: string | undefined): boolean
}

/** Creates a service account. It signs its own tokens, so that no token endpoint is required. */
export function newServiceAccount(email: string): ServiceAccount {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const publicKey = createPublicKey(privateKey)
  return {
    email,
    file: JSON.stringify({
      type: 'service_account',
      project_id: 'p-1',
      private_key_id: '1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: email,
      token_uri: 'http://127.0.0.1:1/token',
    }),
    isBearer(authorization) {
      const [, signed = '', signature = ''] = /^Bearer ([\w-]+\.[\w-]+)\.([\w-]+)$/.exec(authorization ?? '') ?? []
      return verify('RSA-SHA256', Buffer.from(signed), publicKey, Buffer.from(signature, 'base64url'))
    },
  }
}

/** Returns the full name of a key of {@link googleKms}. */
export const googleKeyName = (name: string) => `projects/p-1/locations/europe/keyRings/r-1/cryptoKeys/${name}`

/** Google Cloud KMS over REST, with the keys `valetkey` and `another`, for one service account. */
export function googleKms(account: ServiceAccount): RequestListener {
  const keys = new Map(['valetkey', 'another'].map((name) => [googleKeyName(name), randomBytes(32)]))
  const refuse = (code: number, status: string): Answer => [code, { error: { code, status, message: 'refused' } }]
  const arrivedWhole = (body: Call['body'], field: string) =>
    text(body[`${field}Crc32c`]) === String(crc32c(bytes(body[field])))
  return answering(({ url, headers, body }) => {
    if (!account.isBearer(headers.authorization)) return refuse(403, 'PERMISSION_DENIED')
    const [, name = '', operation] = /^\/v1\/(.+):(encrypt|decrypt)\?/.exec(url) ?? []
    const key = keys.get(name)
    if (!key) return refuse(404, 'NOT_FOUND')
    const associated = bytes(body['additionalAuthenticatedData'])
    const sent = operation === 'encrypt' ? 'plaintext' : 'ciphertext'
    if (!arrivedWhole(body, sent) || !arrivedWhole(body, 'additionalAuthenticatedData'))
      return refuse(400, 'INVALID_ARGUMENT')
    if (operation === 'encrypt') {
      const ciphertext = encrypt(key, bytes(body['plaintext']), associated)
      return [
        200,
        {
          name: `${name}/cryptoKeyVersions/1`,
          ciphertext: ciphertext.toString('base64'),
          ciphertextCrc32c: String(crc32c(ciphertext)),
          verifiedPlaintextCrc32c: true,
          verifiedAdditionalAuthenticatedDataCrc32c: true,
        },
      ]
    }
    const plaintext = decrypt(key, bytes(body['ciphertext']), associated)
    if (!plaintext) return refuse(400, 'INVALID_ARGUMENT')
    return [
      200,
      { plaintext: plaintext.toString('base64'), plaintextCrc32c: String(crc32c(plaintext)), usedPrimary: true },
    ]
  })
}
