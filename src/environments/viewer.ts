import type { Actor } from '../audit/audit-log.ts'
import { type ActedOn, type Narrowing, permits } from './narrowing.ts'
import type { ToolPolicy } from './tool-policy.ts'

/** The scopes of credentials, with what each allows. The GraphQL enum is made from this. */
export const scopes = {
  ADMIN: 'Everything in the environment, including OAuth apps and API keys.',
  ACCOUNTS_READ: 'Read connected accounts, their transitions and tool executions.',
  ACCOUNTS_WRITE: 'Create, authorize, confirm, refresh, disconnect and delete connected accounts.',
  ACCOUNTS_AUTHORIZE: 'Create connected accounts, and links to authorize them. Included in ACCOUNTS_WRITE.',
  ACCOUNTS_CONFIRM: 'Confirm which user authorized an account. Included in ACCOUNTS_WRITE.',
  TOOLS_READ: 'Call tools that only read.',
  TOOLS_WRITE: 'Call tools that write.',
  TOOLS_APPROVE:
    'Approve and reject tool calls that need the approval of a person. A key without ADMIN cannot approve its own calls.',
  USER_SESSIONS_CREATE: "Create and revoke user sessions for users' browsers.",
} as const

export type Scope = keyof typeof scopes

/** Whether a stored string is a scope of this release. */
const isScope = (text: string): text is Scope => Object.hasOwn(scopes, text)

/** The scopes that ADMIN includes. */
export const allScopes: ReadonlySet<Scope> = new Set(Object.keys(scopes) as Scope[])

/** Marks the stored scopes of narrowed keys: nodes of release 0.1.0, which know no narrowing, ignore such scopes. */
const narrowedPrefix = 'narrowed:'

/** Returns scopes as the database stores them. */
export const storedScopes = (granted: readonly Scope[], narrowed: boolean): string[] =>
  [...new Set(granted)].map((scope) => (narrowed ? narrowedPrefix + scope : scope))

/** Returns the scopes of this release that are stored. */
export const parseScopes = (stored: readonly string[]): readonly Scope[] =>
  stored.map((text) => (text.startsWith(narrowedPrefix) ? text.slice(narrowedPrefix.length) : text)).filter(isScope)

/** Returns scopes with those that they include. */
export function expandScopes(granted: readonly Scope[]): ReadonlySet<Scope> {
  if (granted.includes('ADMIN')) return allScopes
  const included: readonly Scope[] = granted.includes('ACCOUNTS_WRITE')
    ? ['ACCOUNTS_AUTHORIZE', 'ACCOUNTS_CONFIRM']
    : []
  return new Set([...granted, ...included])
}

/**
 * The scopes of a user session, for its own identifier only: read, authorize, watch and disconnect, and decide about calls
 * that need an approval. It cannot call tools itself, and cannot confirm an authorization, because confirmation checks the
 * browser that holds the session.
 */
export const sessionScopes: ReadonlySet<Scope> = new Set([
  'ACCOUNTS_READ',
  'ACCOUNTS_WRITE',
  'ACCOUNTS_AUTHORIZE',
  'TOOLS_APPROVE',
])

/** The scopes of a stream ticket, which a browser puts into a URL. It opens subscriptions to the session's own accounts. */
export const ticketScopes: ReadonlySet<Scope> = new Set(['ACCOUNTS_READ', 'TOOLS_APPROVE'])

/** The caller of a request. Everything that a request may access is found through it. */
export interface Viewer {
  readonly environmentId: string
  readonly environmentName: string
  /** The scopes of the credential, with those that they include. */
  readonly scopes: ReadonlySet<Scope>
  /** The only identifier that a user session may act for. Null for an API key. */
  readonly identifier: string | null
  /** What the credential may act on. That of a user session is that of its API key, without networks. */
  readonly narrowing: Narrowing
  /** The tool policy of the environment. */
  readonly toolPolicy: ToolPolicy
  /** The API key or user session, for logs, budgets and revocation. Never the secret. */
  readonly credential: {
    readonly kind: 'api_key' | 'user_session'
    readonly id: string
    /** The API key itself, or the one that created the user session and whose revocation ends it. */
    readonly apiKeyId: string
    /** When the credential expires, by the database's clock; null: never. */
    readonly expiresAt: Date | null
  }
}

/** Whether a viewer may act on something: within its narrowing and, for a user session, on its own identifier. */
export const mayActOn = ({ identifier, narrowing }: Viewer, on: ActedOn): boolean =>
  (identifier === null || on.identifier == null || on.identifier === identifier) && permits(narrowing, on)

/** Returns the actor of a request: its credential, its address and its id. */
export function actorOf(viewer: Viewer | null, request: Pick<Actor, 'sourceAddress' | 'requestId'>): Actor {
  const { kind, id } = viewer?.credential ?? { kind: null, id: '' }
  return { name: kind === null ? 'user' : `${kind === 'api_key' ? 'ApiKey' : 'UserSession'}:${id}`, ...request }
}

/** Why a credential is not accepted. `message` is for the caller and contains nothing of the credential. */
export interface Refusal {
  readonly kind: 'refused'
  readonly reason: 'malformed' | 'unknown' | 'expired' | 'revoked' | 'changed' | 'network'
  readonly message: string
}

/**
 * The result of checking the Authorization header: the viewer, no credential, why it is not accepted, or the milliseconds
 * until it can be looked up.
 */
export type Authentication =
  | { readonly kind: 'viewer'; readonly viewer: Viewer }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'throttled'; readonly waitMs: number }
  | Refusal
