import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { createNetworkList, isNetworkWithin } from '../networks.ts'
import { laxerFields, restricts, toolPolicyShape } from './tool-policy.ts'

const names = z.array(z.string()).min(1).nullable().default(null)

const { toolNames, ...otherRestrictions } = toolPolicyShape

/**
 * The column `narrowing` of an API key. Strict: a key that a newer release has narrowed in another way is refused and not
 * accepted as a wider one.
 */
const schema = z.strictObject({
  connectionNames: names,
  identifiers: names,
  identifierPrefixes: names,
  toolNames,
  networks: names,
  ...otherRestrictions,
})

/**
 * What a credential may act on. A null field does not restrict. An identifier is permitted if it is one of `identifiers` or
 * starts with one of `identifierPrefixes`.
 */
export type Narrowing = Readonly<z.output<typeof schema>>

/** Each field of a {@link Narrowing}. */
export const narrowingFields = Object.keys(schema.shape) as readonly (keyof Narrowing)[]

/** Restricts nothing. */
export const notNarrowed: Narrowing = schema.parse({})

/** Returns the narrowing of a stored value, or null if this release does not know it. */
export const parseNarrowing = (stored: unknown): Narrowing | null =>
  stored === null ? notNarrowed : (schema.safeParse(stored).data ?? null)

/** Returns the JSON to store; null for a narrowing that restricts nothing. */
export function storedNarrowing(narrowing: Narrowing): string | null {
  const set = Object.entries(narrowing).filter(([, value]) => value !== null)
  return set.length === 0 ? null : JSON.stringify(Object.fromEntries(set))
}

/** What a caller acts on; an absent field is not checked. */
export interface ActedOn {
  readonly connectionName?: string | null | undefined
  readonly identifier?: string | null | undefined
  readonly toolName?: string | null | undefined
}

/** Whether a narrowing permits to act on something. */
export function permits(narrowing: Narrowing, { connectionName, identifier, toolName }: ActedOn): boolean {
  return (
    (connectionName == null || (narrowing.connectionNames?.includes(connectionName) ?? true)) &&
    (identifier == null || permitsIdentifier(narrowing, identifier)) &&
    (toolName == null || (narrowing.toolNames?.includes(toolName) ?? true))
  )
}

const anyIdentifier = ({ identifiers, identifierPrefixes }: Narrowing) =>
  identifiers === null && identifierPrefixes === null

function permitsIdentifier(narrowing: Narrowing, identifier: string): boolean {
  if (anyIdentifier(narrowing)) return true
  const { identifiers, identifierPrefixes } = narrowing
  return (
    (identifiers?.includes(identifier) ?? false) ||
    (identifierPrefixes?.some((prefix) => identifier.startsWith(prefix)) ?? false)
  )
}

/** Whether a request from this address is permitted; null: the address is unknown. */
export const permitsAddress = ({ networks }: Narrowing, address: string | null): boolean =>
  networks === null || (address !== null && createNetworkList(networks).includes(address))

/** Whether a narrowing permits to act on all users of a connection, or on the whole environment. */
export const permitsAll = (narrowing: Narrowing, what: 'identifiers' | 'environment'): boolean =>
  anyIdentifier(narrowing) && (what === 'identifiers' || (narrowing.connectionNames === null && !restricts(narrowing)))

/** Returns the fields in which a narrowing permits something that another one does not. */
export function widerFields(inner: Narrowing, outer: Narrowing): readonly (keyof Narrowing)[] {
  const exceeds = (field: 'connectionNames' | 'toolNames' | 'networks', permitted: (name: string) => boolean) =>
    outer[field] !== null && !(inner[field]?.every(permitted) ?? false)
  const wider: (keyof Narrowing)[] = []
  if (exceeds('connectionNames', (connectionName) => permits(outer, { connectionName }))) wider.push('connectionNames')
  if (!anyIdentifier(outer)) {
    const { identifiers, identifierPrefixes } = inner
    const startsPermitted = (prefix: string) =>
      outer.identifierPrefixes?.some((permitted) => prefix.startsWith(permitted)) ?? false
    if (anyIdentifier(inner) || identifiers?.some((identifier) => !permitsIdentifier(outer, identifier)))
      wider.push('identifiers')
    if (identifierPrefixes?.some((prefix) => !startsPermitted(prefix))) wider.push('identifierPrefixes')
  }
  if (exceeds('toolNames', (toolName) => permits(outer, { toolName }))) wider.push('toolNames')
  if (exceeds('networks', (network) => isNetworkWithin(network, outer.networks ?? []))) wider.push('networks')
  return [...wider, ...laxerFields(inner, outer)]
}

/** The connection of a list that is not restricted to one: the only one that the narrowing permits, or null. */
export const soleConnection = ({ connectionNames }: Narrowing): string | null =>
  connectionNames?.length === 1 ? (connectionNames[0] ?? null) : null

/**
 * The identifiers that a list is restricted to, by its filter or else by the narrowing; null: also by beginnings, or not at all.
 */
export const namedIdentifiers = (
  identifier: string | null | undefined,
  { identifiers, identifierPrefixes }: Narrowing,
): readonly string[] | null => (identifier != null ? [identifier] : identifierPrefixes === null ? identifiers : null)

/** A condition on a column with identifiers: that the narrowing permits them. Null: it permits all. */
export function identifierCondition(narrowing: Narrowing, column: RawBuilder<string>): RawBuilder<boolean> | null {
  if (anyIdentifier(narrowing)) return null
  const { identifiers, identifierPrefixes } = narrowing
  // Only this form uses an index.
  if (identifierPrefixes === null) return sql<boolean>`${column} = any (${identifiers}::text[])`
  return sql<boolean>`(${column} = any (${identifiers ?? []}::text[]) or exists (
    select from unnest(${identifierPrefixes ?? []}::text[]) as permitted (prefix) where starts_with(${column}, prefix)
  ))`
}
