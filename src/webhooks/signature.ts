import { createHmac, randomBytes } from 'node:crypto'
import { Secret } from '../vault/secret.ts'

const prefix = 'whsec_'

/** Returns a new signing secret: `whsec_` and 32 random bytes in base64. */
export const newWebhookSecret = (): Secret => new Secret(prefix + randomBytes(32).toString('base64'))

/** One request as it is signed. `timestamp` is the time of the attempt in whole seconds since 1970. */
export interface SignedMessage {
  readonly id: string
  readonly timestamp: number
  readonly body: string
}

/**
 * Returns the value of the header `webhook-signature`: one signature (HMAC-SHA256) for each secret, separated by blanks.
 *
 * @see https://www.standardwebhooks.com (Standard Webhooks 1.0.0, "Signature scheme")
 */
export function signatures({ id, timestamp, body }: SignedMessage, secrets: readonly Secret[]): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.reveal().slice(prefix.length), 'base64')
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
    })
    .join(' ')
}
