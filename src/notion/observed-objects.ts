import { LRUCache } from 'lru-cache'
import type { ConnectedAccount, GrantSummary } from '../accounts/connected-account.ts'
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

/** What one grant has read, by ids, in the order in which it was noted. */
interface GrantMemory {
  readonly objects: Map<string, Observation>
  readonly references: Map<string, Reference>
}

/** The share of the memory that one grant can take, so that it displaces little of what others have observed. */
const grantShare = 1 / 5

/**
 * Returns a memory for `max` ids of grants, and half as many of workspaces. The grant that called least recently is
 * forgotten first. `now` is in milliseconds since the epoch, since evidence names times.
 */
export function createObservedObjects(now: () => number, max = 100_000): ObservedObjects {
  // By grant, then by id: each object of each answer is looked up, and a key of both would be a new text for each of them.
  const memories = new LRUCache<string, GrantMemory>({
    // The option `max` would allocate the memory for all of them now.
    maxSize: max,
    sizeCalculation: ({ objects, references }) => Math.max(1, objects.size + references.size),
  })
  const shared = new LRUCache<string, readonly (Observation & { readonly grantId: string })[]>({
    maxSize: Math.ceil(max / 2),
    sizeCalculation: () => 1,
  })
  /** Of objects, and of references. */
  const maxOfGrant = Math.ceil((max * grantShare) / 2)
  const memoryOf = ({ grant }: ConnectedAccount) => (grant === null ? undefined : memories.get(grant.id))
  const workspace = (account: Pick<ConnectedAccount, 'environmentId'>, workspaceId: string, id: string) =>
    `${account.environmentId} ${workspaceId} ${id}`

  /** Notes something at the end of the order, in place of what is oldest there. */
  function put<Noted>(noted: Map<string, Noted>, id: string, value: Noted): void {
    noted.delete(id)
    noted.set(id, value)
    if (noted.size > maxOfGrant) noted.delete(noted.keys().next().value ?? id)
  }

  function share(account: ConnectedAccount, grant: GrantSummary, id: string, observation: Observation): void {
    const key = workspace(account, grant.workspaceId, id)
    const rest = (shared.get(key) ?? []).filter((seen) => seen.grantId !== grant.id).slice(0, 1)
    shared.set(key, [{ ...observation, grantId: grant.id }, ...rest])
  }

  /** Returns what notes the parts of one answer. */
  function notesOf(account: ConnectedAccount, grant: GrantSummary, { objects, references }: GrantMemory): Notes {
    const at = now()
    const isRecent = (known: { readonly at: number }) => at - known.at < repeatMs
    // The rows of one answer share their parent.
    const met = new Set<string>()
    return {
      object(object) {
        const { id, object: name, type } = object
        // A partial object is a reference, not something that could be read.
        if (typeof id !== 'string' || typeof name !== 'string' || !kinds.has(name)) return
        if (Object.keys(object).length <= 2) return
        const kind =
          name === 'block' && type === 'child_page'
            ? 'page'
            : name === 'block' && type === 'child_database'
              ? 'database'
              : (name as ResourceKind)
        const inTrash = object.in_trash === true || object.archived === true
        const known = objects.get(id)
        if (known ? known.kind === kind && known.inTrash === inTrash && isRecent(known) : !isUuid(id)) return
        const observation = { kind, at, inTrash }
        put(objects, id, observation)
        share(account, grant, id, observation)
      },
      name(kind, id) {
        if (typeof id !== 'string') return
        const known = objects.get(id)
        if (known ? known.kind === kind && isRecent(known) : !isUuid(id)) return
        put(objects, id, { kind, at, inTrash: false })
      },
      reference(id, how, by) {
        if (typeof id !== 'string' || met.has(id)) return
        const known = references.get(id)
        if (!known && !isUuid(id)) return
        met.add(id)
        if (known?.how !== how || known.by !== by || !isRecent(known)) put(references, id, { how, by, at })
      },
    }
  }

  return {
    note(account, body) {
      const { grant } = account
      if (grant === null) return
      const memory = memories.get(grant.id) ?? { objects: new Map(), references: new Map() }
      const sizeOf = () => memory.objects.size + memory.references.size
      const before = sizeOf()
      noteParts(body, notesOf(account, grant, memory))
      // The size of a value is taken when it is set, and that of the same one is not taken again.
      if (sizeOf() !== before) memories.set(grant.id, { ...memory })
    },
    own: (account, id) => memoryOf(account)?.objects.get(id) ?? null,
    others(account, id) {
      const { grant } = account
      if (grant === null) return null
      const seen = shared.get(workspace(account, grant.workspaceId, id)) ?? []
      return seen.find((observation) => observation.grantId !== grant.id) ?? null
    },
    reference: (account, id) => memoryOf(account)?.references.get(id) ?? null,
    forget({ environmentId, workspaceId, grantIds }, id) {
      for (const grantId of grantIds) memories.get(grantId)?.objects.delete(id)
      const key = workspace({ environmentId }, workspaceId, id)
      const rest = (shared.get(key) ?? []).filter((seen) => !grantIds.includes(seen.grantId))
      if (rest.length > 0) shared.set(key, rest)
      else shared.delete(key)
    },
    now,
  }
}

/** Takes the parts of an answer. */
interface Notes {
  object(object: JsonObject): void
  /** An id of something that occurs in other objects only. */
  name(kind: 'user' | 'discussion', id: unknown): void
  reference(id: unknown, how: Reference['how'], by: string | null): void
}

/** Passes on each part of a body. Two lists instead of one of pairs, and no recursion, which a hostile body could exhaust. */
function noteParts(body: unknown, notes: Notes): void {
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
    if (name === 'user') notes.name('user', value.id)
    else if (typeof name === 'string') {
      notes.object(value)
      by = textAt(value, 'id') ?? by
      if (name === 'page_markdown') markdownPointers(value, by, notes.reference)
    }
    if (discussion_id !== undefined) notes.name('discussion', discussion_id)
    // A parsed body has no inherited members.
    for (const key in value) {
      const member = value[key]
      if (typeof member !== 'object' || member === null) continue
      pointers(key, member, by, notes.reference)
      values.push(member)
      owners.push(by)
    }
  }
}

/** Rich text without a mention, the bulk of most answers. It refers to nothing. */
const isPlainText = (item: object) =>
  'plain_text' in item && (item as JsonObject).type === 'text' && !('mention' in item)

/** Notes what a member of an object refers to. */
function pointers(key: string, member: object, by: string | null, point: Notes['reference']): void {
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

function markdownPointers({ markdown }: JsonObject, by: string | null, point: Notes['reference']): void {
  if (typeof markdown !== 'string') return
  for (const [, id = ''] of markdown.matchAll(
    /<(?:mention-)?(?:page|database)\b[^<>]{0,500}?\burl="[^"]{0,500}?([0-9a-f]{32}|[0-9a-f-]{36})"/g,
  )) {
    point(toUuid(id), 'mention', by)
  }
}
