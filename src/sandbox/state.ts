import { createHash, randomBytes } from 'node:crypto'
import type { Client, Id, Settings } from './model.ts'
import { allCapabilities } from './model.ts'
import type { Store } from './store.ts'
import { withDashes } from './uuid.ts'

/** Returns this many random bytes. Tests use a repeatable source. */
export type RandomBytes = (length: number) => Uint8Array

/** Logger for the operator. Messages must not contain tokens or bodies. */
export interface SandboxLogger {
  warn(message: string): void
  error(message: string, error: unknown): void
}

/** State that all parts of the sandbox share. */
export interface SandboxState {
  readonly store: Store
  now(): Date
  /** Returns a random UUID of version 4. */
  newId(): Id
  /** Returns a random string that is safe in URLs and headers. */
  newSecret(prefix: string): string
  /** Returns the current settings. */
  settings(): Settings
  changeSettings(change: Partial<Omit<Settings, 'id'>>): void
  /** Returns a registered client, or the default client for an unregistered id. */
  client(clientId: string): Client
  /** Whether the id may be used: all may unless the setting `registeredClientsOnly` is on. */
  knowsClient(clientId: string): boolean
  readonly logger: SandboxLogger
}

/**
 * Returns 16 random bytes as a UUID of version 4.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#section-5.4
 */
function uuidFrom(bytes: Uint8Array): Id {
  const octets = Uint8Array.from(bytes)
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x40
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80
  return withDashes(Buffer.from(octets).toString('hex'))
}

/** Returns the fingerprint of a token: the first 12 hex digits of its SHA-256. */
export const fingerprint = (token: string) => createHash('sha256').update(token).digest('hex').slice(0, 12)

/** Creates the shared state. `defaults` are the settings until a control operation changes them. */
export function createSandboxState(options: {
  readonly store: Store
  readonly clock: () => Date
  readonly random?: RandomBytes
  readonly defaults: Settings
  readonly logger: SandboxLogger
}): SandboxState {
  const { store, clock, defaults, logger } = options
  const random = options.random ?? randomBytes
  const settings = () => store.settings.get('settings') ?? defaults
  return {
    store,
    now: clock,
    newId: () => uuidFrom(random(16)),
    newSecret: (prefix) => `${prefix}${Buffer.from(random(32)).toString('base64url').replaceAll(/[-_]/g, 'x')}`,
    settings,
    changeSettings: (change) => store.settings.put({ ...settings(), ...change }),
    client: (clientId) =>
      store.clients.get(clientId) ?? {
        id: clientId,
        name: 'Sandbox connection',
        secret: null,
        capabilities: allCapabilities,
        redirectUris: null,
      },
    knowsClient: (clientId) => settings().registeredClientsOnly !== true || store.clients.get(clientId) !== undefined,
    logger,
  }
}
