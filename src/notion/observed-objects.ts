import { LRUCache } from 'lru-cache'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { isUuid } from '../uuid.ts'
import { toUuid } from './ids.ts'
import { isObject, type JsonObject, textAt } from './json.ts'

/** A kind of Notion object that an id can name. */
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

/** That an object existed when an account read it. Holds nothing of its content. */
export interface Observation {
  readonly kind: ResourceKind
  readonly at: number
  readonly inTrash: boolean
}

/** That an object which an account can read refers to another. `by` is the id of the referring object. */
export interface Reference {
  readonly how: 'mention' | 'relation' | 'parent' | 'link'
  readonly by: string | null
  readonly at: number
}

/**
 * The objects that were observed at Notion, in the bounded memory of this process: by each grant for itself, and, as bare
 * existence, by all grants of one environment in one workspace. Nothing is looked up across environments or workspaces.
 */
export interface ObservedObjects {
  /** Takes in a body that Notion returned to the account. */
  note(account: ConnectedAccount, body: unknown): void
  /** The last observation of this id by the account's own grant. */
  own(account: ConnectedAccount, id: string): Observation | null
  /** The last observation of this id by another grant of the same environment and workspace. */
  others(account: ConnectedAccount, id: string): Observation | null
  /** The last reference to this id that the account's own grant read. */
  reference(account: ConnectedAccount, id: string): Reference | null
}

const kinds: ReadonlySet<string> = new Set(['page', 'database', 'data_source', 'block', 'comment'])
const parentKeys = ['page_id', 'database_id', 'data_source_id', 'block_id']
// A body of 100 full rows has far fewer values. A hostile one must not block the process.
const maxVisits = 50_000

/** Returns a memory for `max` ids of each sort. `now` is in milliseconds since the epoch, since evidence names times. */
export function createObservedObjects(now: () => number, max = 50_000): ObservedObjects {
  const owned = new LRUCache<string, Observation>({ max })
  const shared = new LRUCache<string, readonly (Observation & { readonly grantId: string })[]>({ max })
  const references = new LRUCache<string, Reference>({ max })
  const own = (grantId: string, id: string) => `${grantId} ${id}`
  const workspace = (account: ConnectedAccount, workspaceId: string, id: string) =>
    `${account.environmentId} ${workspaceId} ${id}`

  function noteObject(account: ConnectedAccount, grantId: string, workspaceId: string, object: JsonObject): void {
    const id = textAt(object, 'id')
    const kind = textAt(object, 'object')
    // A partial object is a reference, not something that could be read.
    if (id === null || kind === null || !kinds.has(kind) || !isUuid(id) || Object.keys(object).length <= 2) return
    const type = textAt(object, 'type')
    const observation: Observation = {
      kind:
        kind === 'block' && type === 'child_page'
          ? 'page'
          : kind === 'block' && type === 'child_database'
            ? 'database'
            : (kind as ResourceKind),
      at: now(),
      inTrash: object.in_trash === true || object.archived === true,
    }
    owned.set(own(grantId, id), observation)
    const key = workspace(account, workspaceId, id)
    const rest = (shared.get(key) ?? []).filter((seen) => seen.grantId !== grantId).slice(0, 1)
    shared.set(key, [{ ...observation, grantId }, ...rest])
  }

  /** Ids of users and discussions occur in other objects only. */
  function noteNames(grantId: string, value: JsonObject, noted: Set<string>): void {
    const user = value.object === 'user' ? textAt(value, 'id') : null
    const discussion = textAt(value, 'discussion_id')
    if (user !== null && !noted.has(user) && isUuid(user)) {
      noted.add(user)
      owned.set(own(grantId, user), { kind: 'user', at: now(), inTrash: false })
    }
    if (discussion !== null && isUuid(discussion)) {
      owned.set(own(grantId, discussion), { kind: 'discussion', at: now(), inTrash: false })
    }
  }

  return {
    note(account, body) {
      const { grant } = account
      if (grant === null) return
      // The rows of one answer share their parent and their authors.
      const pointed = new Set<string>()
      const named = new Set<string>()
      const point = (id: unknown, how: Reference['how'], by: string | null) => {
        if (typeof id !== 'string' || pointed.has(id) || !isUuid(id)) return
        pointed.add(id)
        references.set(own(grant.id, id), { how, by, at: now() })
      }
      const stack: { readonly value: unknown; readonly by: string | null }[] = [{ value: body, by: null }]
      for (let visited = 0; visited < maxVisits; visited += 1) {
        const next = stack.pop()
        if (next === undefined) break
        const { value } = next
        if (Array.isArray(value)) {
          for (const item of value) stack.push({ value: item, by: next.by })
          continue
        }
        if (!isObject(value)) continue
        noteObject(account, grant.id, grant.workspaceId, value)
        noteNames(grant.id, value, named)
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
      return seen.find((observation) => observation.grantId !== grant.id) ?? null
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
