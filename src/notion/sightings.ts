import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { boundedCache } from './bounded-cache.ts'
import { isUuid, toUuid } from './ids.ts'
import { isObject, type JsonObject, textAt } from './json.ts'

/** A kind of object at Notion that an id can name. */
export type ResourceKind =
  | 'page'
  | 'database'
  | 'data_source'
  | 'block'
  | 'comment'
  | 'discussion'
  | 'user'
  | 'file_upload'
  | 'property'

/** That an object was there when an account looked. Nothing of its content. */
export interface Sighting {
  readonly kind: ResourceKind
  readonly at: number
  readonly inTrash: boolean
}

/** That an object which an account can read points to another: `by` is the id of the one that points. */
export interface Reference {
  readonly how: 'mention' | 'relation' | 'parent' | 'link'
  readonly by: string | null
  readonly at: number
}

/**
 * What has been seen at Notion, in this process and in bounded memory: by each grant for itself, and, as bare existence,
 * by all grants of one environment in one workspace. Nothing is ever looked up across environments or workspaces.
 */
export interface Sightings {
  /** Takes in a body that Notion gave to the account. */
  note(account: ConnectedAccount, body: unknown): void
  /** What the account's own grant saw under this id, last. */
  own(account: ConnectedAccount, id: string): Sighting | null
  /** What another grant of the same environment and workspace saw under this id, last. */
  others(account: ConnectedAccount, id: string): Sighting | null
  /** What the account's own grant saw pointing to this id, last. */
  reference(account: ConnectedAccount, id: string): Reference | null
}

const kinds: ReadonlySet<string> = new Set(['page', 'database', 'data_source', 'block', 'comment'])
const parentKeys = ['page_id', 'database_id', 'data_source_id', 'block_id']
// A body of 100 full rows has far fewer; a hostile one must not keep the process busy.
const visitLimit = 50_000

/** Memory for `entries` ids of each sort; `now` in milliseconds since the epoch, as evidence names times. */
export function createSightings(now: () => number, entries = 50_000): Sightings {
  const owned = boundedCache<Sighting>({ entries }, now)
  const shared = boundedCache<readonly (Sighting & { readonly grantId: string })[]>({ entries }, now)
  const references = boundedCache<Reference>({ entries }, now)
  const own = (grantId: string, id: string) => `${grantId} ${id}`
  const workspace = (account: ConnectedAccount, workspaceId: string, id: string) =>
    `${account.environmentId} ${workspaceId} ${id}`

  function noteObject(account: ConnectedAccount, grantId: string, workspaceId: string, object: JsonObject): void {
    const id = textAt(object, 'id')
    const kind = textAt(object, 'object')
    // A partial object is a pointer, not something that could be read.
    if (id === null || kind === null || !kinds.has(kind) || !isUuid(id) || Object.keys(object).length <= 2) return
    const type = textAt(object, 'type')
    const sighting: Sighting = {
      kind:
        kind === 'block' && type === 'child_page'
          ? 'page'
          : kind === 'block' && type === 'child_database'
            ? 'database'
            : (kind as ResourceKind),
      at: now(),
      inTrash: object.in_trash === true || object.archived === true,
    }
    owned.set(own(grantId, id), sighting)
    const key = workspace(account, workspaceId, id)
    const rest = (shared.get(key) ?? []).filter((seen) => seen.grantId !== grantId).slice(0, 1)
    shared.set(key, [{ ...sighting, grantId }, ...rest])
  }

  /** Ids that stand in other objects and say of themselves what they are: nothing can be read under them there. */
  function noteNames(grantId: string, value: JsonObject): void {
    const user = value.object === 'user' ? textAt(value, 'id') : null
    const discussion = textAt(value, 'discussion_id')
    if (user !== null && isUuid(user)) owned.set(own(grantId, user), { kind: 'user', at: now(), inTrash: false })
    if (discussion !== null && isUuid(discussion)) {
      owned.set(own(grantId, discussion), { kind: 'discussion', at: now(), inTrash: false })
    }
  }

  return {
    note(account, body) {
      const { grant } = account
      if (grant === null) return
      const point = (id: unknown, how: Reference['how'], by: string | null) => {
        if (typeof id === 'string' && isUuid(id)) references.set(own(grant.id, id), { how, by, at: now() })
      }
      const stack: { readonly value: unknown; readonly by: string | null }[] = [{ value: body, by: null }]
      for (let visited = 0; visited < visitLimit; visited += 1) {
        const next = stack.pop()
        if (next === undefined) break
        const { value } = next
        if (Array.isArray(value)) {
          for (const item of value) stack.push({ value: item, by: next.by })
          continue
        }
        if (!isObject(value)) continue
        noteObject(account, grant.id, grant.workspaceId, value)
        noteNames(grant.id, value)
        const by =
          typeof value.object === 'string' && value.object !== 'user' ? (textAt(value, 'id') ?? next.by) : next.by
        pointers(value, by, point)
        for (const member of Object.values(value)) {
          if (typeof member === 'object' && member !== null) stack.push({ value: member, by })
        }
      }
    },
    own: (account, id) => (account.grant === null ? null : (owned.get(own(account.grant.id, id)) ?? null)),
    others(account, id) {
      const { grant } = account
      if (grant === null) return null
      const seen = shared.get(workspace(account, grant.workspaceId, id)) ?? []
      return seen.find((sighting) => sighting.grantId !== grant.id) ?? null
    },
    reference: (account, id) => (account.grant === null ? null : (references.get(own(account.grant.id, id)) ?? null)),
  }
}

type Point = (id: unknown, how: Reference['how'], by: string | null) => void

function pointers(value: JsonObject, by: string | null, point: Point): void {
  if (isObject(value.parent)) for (const key of parentKeys) point(value.parent[key], 'parent', by)
  if (isObject(value.database_parent)) for (const key of parentKeys) point(value.database_parent[key], 'parent', by)
  if (isObject(value.link_to_page)) for (const key of parentKeys) point(value.link_to_page[key], 'link', by)
  if (isObject(value.mention)) {
    for (const key of ['page', 'database']) {
      if (isObject(value.mention[key])) point(value.mention[key].id, 'mention', by)
    }
  }
  if (Array.isArray(value.relation)) {
    for (const item of value.relation) if (isObject(item)) point(item.id, 'relation', by)
  }
  if (value.object === 'page_markdown' && typeof value.markdown === 'string') {
    for (const [, id = ''] of value.markdown.matchAll(
      /<(?:mention-)?(?:page|database)\b[^>]*?\burl="[^"]*?([0-9a-f]{32}|[0-9a-f-]{36})"/g,
    )) {
      point(toUuid(id), 'mention', by)
    }
  }
}
