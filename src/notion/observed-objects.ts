import { LRUCache } from 'lru-cache'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { isUuid } from '../uuid.ts'
import { toUuid } from './ids.ts'
import { isObject, type JsonObject, objectAt, textAt, toObject } from './json.ts'

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
  | 'view'
  | 'async_task'

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
  /** Forgets the observations of an id by these grants, after Notion reported that it was deleted, restored or moved. */
  forget(
    owner: { readonly environmentId: string; readonly workspaceId: string; readonly grantIds: readonly string[] },
    id: string,
  ): void
  /** The time of new observations, to which the age of others relates. Milliseconds since the epoch. */
  now(): number
}

const kinds: ReadonlySet<string> = new Set(['page', 'database', 'data_source', 'block', 'comment'])
const parentKeys = ['page_id', 'database_id', 'data_source_id', 'block_id']
// A body of 100 full rows has far fewer values. A hostile one must not block the process.
const maxVisits = 50_000

/** What was noted within this time is not noted again, as most answers repeat what the last one had. Milliseconds. */
const repeatMs = 5_000

/** Returns a memory for `max` ids of each sort. `now` is in milliseconds since the epoch, since evidence names times. */
export function createObservedObjects(now: () => number, max = 50_000): ObservedObjects {
  // The option `max` would allocate the memory for all of them now.
  const bound = { maxSize: max, sizeCalculation: () => 1 }
  const owned = new LRUCache<string, Observation>(bound)
  const shared = new LRUCache<string, readonly (Observation & { readonly grantId: string })[]>(bound)
  const references = new LRUCache<string, Reference>(bound)
  const own = (grantId: string, id: string) => `${grantId} ${id}`
  const workspace = (account: Pick<ConnectedAccount, 'environmentId'>, workspaceId: string, id: string) =>
    `${account.environmentId} ${workspaceId} ${id}`

  function noteObject(account: ConnectedAccount, grantId: string, workspaceId: string, object: JsonObject): void {
    const { id, object: name } = object
    // A partial object is a reference, not something that could be read.
    if (typeof id !== 'string' || typeof name !== 'string' || !kinds.has(name) || !isUuid(id)) return
    if (Object.keys(object).length <= 2) return
    const { type } = object
    const observation: Observation = {
      kind:
        name === 'block' && type === 'child_page'
          ? 'page'
          : name === 'block' && type === 'child_database'
            ? 'database'
            : (name as ResourceKind),
      at: now(),
      inTrash: object.in_trash === true || object.archived === true,
    }
    const known = owned.get(own(grantId, id))
    if (known?.kind === observation.kind && known.inTrash === observation.inTrash && isRecent(known)) return
    owned.set(own(grantId, id), observation)
    const key = workspace(account, workspaceId, id)
    const rest = (shared.get(key) ?? []).filter((seen) => seen.grantId !== grantId).slice(0, 1)
    shared.set(key, [{ ...observation, grantId }, ...rest])
  }

  const isRecent = ({ at }: { readonly at: number }) => now() - at < repeatMs

  /** Notes an id of something that occurs in other objects only: a user or a discussion. */
  function noteName(grantId: string, kind: 'user' | 'discussion', id: unknown): void {
    if (typeof id !== 'string' || !isUuid(id)) return
    const known = owned.get(own(grantId, id))
    if (known?.kind !== kind || !isRecent(known)) owned.set(own(grantId, id), { kind, at: now(), inTrash: false })
  }

  return {
    note(account, body) {
      const { grant } = account
      if (grant === null) return
      // The rows of one answer share their parent and their authors.
      const met = new Set<unknown>()
      const named = new Set<unknown>()
      const point = (id: unknown, how: Reference['how'], by: string | null) => {
        if (typeof id !== 'string' || met.has(id) || !isUuid(id)) return
        met.add(id)
        const known = references.get(own(grant.id, id))
        if (known?.how === how && known.by === by && isRecent(known)) return
        references.set(own(grant.id, id), { how, by, at: now() })
      }
      // Two lists instead of one of pairs, and no recursion, which a hostile body could exhaust.
      const values: unknown[] = [body]
      const owners: (string | null)[] = [null]
      for (let visited = 0; visited < maxVisits && values.length > 0; visited += 1) {
        const value = values.pop()
        let by = owners.pop() ?? null
        if (Array.isArray(value)) {
          for (const item of value) {
            if (typeof item !== 'object' || item === null || isPlainText(item)) continue
            values.push(item)
            owners.push(by)
          }
          continue
        }
        if (!isObject(value)) continue
        const { object: name, discussion_id } = value
        if (name === 'user') {
          if (!named.has(value.id)) noteName(grant.id, 'user', value.id)
          named.add(value.id)
        } else if (typeof name === 'string') {
          noteObject(account, grant.id, grant.workspaceId, value)
          by = textAt(value, 'id') ?? by
          if (name === 'page_markdown') markdownPointers(value, by, point)
        }
        if (discussion_id !== undefined) noteName(grant.id, 'discussion', discussion_id)
        // A parsed body has no inherited members.
        for (const key in value) {
          const member = value[key]
          if (typeof member !== 'object' || member === null) continue
          pointers(key, member, by, point)
          values.push(member)
          owners.push(by)
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
    forget({ environmentId, workspaceId, grantIds }, id) {
      for (const grantId of grantIds) owned.delete(own(grantId, id))
      const key = workspace({ environmentId }, workspaceId, id)
      const rest = (shared.get(key) ?? []).filter((seen) => !grantIds.includes(seen.grantId))
      if (rest.length > 0) shared.set(key, rest)
      else shared.delete(key)
    },
    now,
    reference: (account, id) => (account.grant === null ? null : (references.get(own(account.grant.id, id)) ?? null)),
  }
}

/** Rich text without a mention, the bulk of most answers. It refers to nothing. */
const isPlainText = (item: object) =>
  'plain_text' in item && (item as JsonObject).type === 'text' && !('mention' in item)

type Point = (id: unknown, how: Reference['how'], by: string | null) => void

/** Notes what a member of an object refers to. */
function pointers(key: string, member: object, by: string | null, point: Point): void {
  switch (key) {
    case 'parent':
    case 'database_parent':
    case 'link_to_page': {
      const how = key === 'link_to_page' ? 'link' : 'parent'
      for (const parentKey of parentKeys) point((member as JsonObject)[parentKey], how, by)
      return
    }
    case 'mention':
      point(objectAt(member, 'page').id, 'mention', by)
      point(objectAt(member, 'database').id, 'mention', by)
      return
    case 'relation':
      if (Array.isArray(member)) for (const item of member) point(toObject(item).id, 'relation', by)
  }
}

function markdownPointers({ markdown }: JsonObject, by: string | null, point: Point): void {
  if (typeof markdown !== 'string') return
  for (const [, id = ''] of markdown.matchAll(
    /<(?:mention-)?(?:page|database)\b[^<>]{0,500}?\burl="[^"]{0,500}?([0-9a-f]{32}|[0-9a-f-]{36})"/g,
  )) {
    point(toUuid(id), 'mention', by)
  }
}
