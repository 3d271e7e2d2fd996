import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { ResourceNotFoundError, ResourceUnavailableError, ToolError, WrongResourceTypeError } from '../errors.ts'
import type { NotionAnswer, Refusal } from './answer.ts'
import type { NotionRequest } from './client.ts'
import { toUuid } from './ids.ts'
import { flagAt, isObject, type JsonObject } from './json.ts'
import type { ObservedObjects, ResourceKind } from './observed-objects.ts'
import { notShared } from './tool-errors.ts'

/** An object that a request is about. */
export interface Target {
  readonly id: string
  readonly kind: ResourceKind
}

/** What the explanation may use: the access of one account. */
export interface Access {
  readonly account: ConnectedAccount
  /** Reads an object by its id. A refusal is an answer. */
  lookUp(target: Target): Promise<NotionAnswer>
}

/** The call of the SDK that reads an object of each kind; absent where Notion has none. */
const retrievals: Readonly<
  Partial<Record<ResourceKind, { readonly folder: string; readonly by: (id: string) => NotionRequest<JsonObject> }>>
> = {
  page: { folder: 'pages', by: (page_id) => (notion) => notion.pages.retrieve({ page_id }) },
  database: { folder: 'databases', by: (database_id) => (notion) => notion.databases.retrieve({ database_id }) },
  data_source: {
    folder: 'data_sources',
    by: (data_source_id) => (notion) => notion.dataSources.retrieve({ data_source_id }),
  },
  block: { folder: 'blocks', by: (block_id) => (notion) => notion.blocks.retrieve({ block_id }) },
  comment: { folder: 'comments', by: (comment_id) => (notion) => notion.comments.retrieve({ comment_id }) },
  user: { folder: 'users', by: (user_id) => (notion) => notion.users.retrieve({ user_id }) },
  file_upload: {
    folder: 'file_uploads',
    by: (file_upload_id) => (notion) => notion.fileUploads.retrieve({ file_upload_id }),
  },
  view: { folder: 'views', by: (view_id) => (notion) => notion.views.retrieve({ view_id }) },
}

/** Returns the request that reads an object, or null where Notion has none. */
export const retrieve = ({ kind, id }: Target): NotionRequest<JsonObject> | null => retrievals[kind]?.by(id) ?? null

/** Returns the path of {@link retrieve}, after `/v1/`. */
export function pathOf({ kind, id }: Target): string | null {
  const found = retrievals[kind]
  return found === undefined ? null : `${found.folder}/${id}`
}

/** Kinds of objects that are not shared one by one. */
const unsharedKinds: ReadonlySet<ResourceKind> = new Set(['user', 'file_upload', 'property', 'async_task'])

/** The other kinds that an id may turn out to be, the likeliest first. */
const confusions: Readonly<Partial<Record<ResourceKind, readonly ResourceKind[]>>> = {
  page: ['database', 'data_source', 'block'],
  database: ['data_source', 'page', 'block'],
  data_source: ['database', 'page', 'block'],
  block: ['database', 'data_source'],
  comment: ['page', 'block'],
  view: ['database', 'data_source', 'page', 'block'],
}

/** Kinds whose ids are accepted for another: pages and databases are blocks, and a data source identifies its database. */
const accepted: Readonly<Partial<Record<ResourceKind, readonly ResourceKind[]>>> = {
  block: ['page', 'database'],
  database: ['data_source'],
}

/** The word for each kind in messages. */
export const nouns: Readonly<Record<ResourceKind, string>> = {
  page: 'page',
  database: 'database',
  data_source: 'data source',
  block: 'block',
  comment: 'comment',
  discussion: 'discussion',
  user: 'user',
  file_upload: 'file upload',
  property: 'property',
  view: 'view',
  async_task: 'async task',
}

const useInstead: Readonly<Partial<Record<ResourceKind, string>>> = {
  page: 'Call notion_page_fetch to read it, or pass the id of the right object.',
  database: 'Call notion_database_fetch or notion_database_query with it as database_id.',
  data_source: 'Call notion_database_query or notion_database_fetch with it as database_id.',
  block: 'Call notion_block_fetch or notion_block_list with it as block_id.',
  comment: 'Call notion_comment_retrieve with it as comment_id, or pass the id of the right object.',
  discussion: 'Call notion_comment_create with it as discussion_id, or notion_comments_fetch with the id of its page.',
  user: 'Call notion_user_fetch with it as user_id, or pass the id of the right object.',
  view: 'Call notion_view_fetch or notion_view_query with it as view_id.',
}

const searchFirst =
  'Call notion_data_fetch to find the right id by its title. If the id is right, ask the user to share the page or database with the connection in Notion (••• menu, Connections).'

/** How to find the right id, by what was looked for. */
const findInstead: Readonly<Partial<Record<ResourceKind, string>>> = {
  block: `Call notion_block_list to list the blocks of its page with their ids. ${searchFirst}`,
  comment:
    'Call notion_comments_fetch to list the comments of its page or block with their ids. If the id is right, ask the user to share the page with the connection in Notion.',
  discussion:
    'Take the discussion_id of a comment from notion_comments_fetch. If the id is right, ask the user to share the page with the connection in Notion.',
  user: 'Call notion_user_list to list the users, and use one of their ids.',
  file_upload: 'Call notion_file_upload_list to list the uploads, or upload the file again.',
  property: 'Call notion_page_fetch to list the properties of the page, and use one of them.',
  view: `Call notion_view_list to list the views of its database with their ids. ${searchFirst}`,
  async_task: 'Read what the task was about to see whether it is done. Notion forgets a task after some time.',
}

const unavailable = (target: Target, evidence: string | null = null) =>
  new ResourceUnavailableError(
    target.id,
    evidence === null ? (findInstead[target.kind] ?? searchFirst) : askUser,
    evidence,
  )

const askUser =
  'Ask the user whether it still exists. If it does, ask them to share it with the connection in Notion (••• menu, Connections).'

/**
 * Returns what a 404 means. Notion answers alike for what is missing, not shared, of another kind or deleted, so evidence
 * decides, in this order: what the id names when requested as another kind; whether it is readable and in the trash; whether
 * it is the parent of an object that is readable now. Everything that was seen before is the past: the object may be deleted
 * since, and a mention or link may name what never existed. It is reported, with its age, in a ResourceUnavailableError.
 *
 * @see https://developers.notion.com/reference/errors
 */
export async function explainNotFound(
  access: Access,
  observed: ObservedObjects,
  refusal: Refusal,
  target: Target | null,
): Promise<ToolError> {
  const named = namedIn(refusal.message) ?? target
  if (named === null) return new ResourceUnavailableError('that the call names')
  // Users and uploads are not shared one by one: what the connection does not find does not exist for it.
  if (unsharedKinds.has(named.kind)) {
    const evidence = `Notion found no ${nouns[named.kind]} with this id.`
    return new ResourceNotFoundError(named.id, evidence, findInstead[named.kind])
  }
  const probed = await probe(access, observed, refusal, named)
  if (probed !== null) return probed
  const reference = observed.reference(access.account, named.id)
  if (
    reference?.how === 'parent' &&
    reference.by !== null &&
    (await isParentNow(access, observed, named, reference.by))
  ) {
    return notShared(named.id, `It is the parent of ${reference.by}, which this account can read.`)
  }
  return fromMemory(access.account, observed, named)
}

/** Whether an object that was seen below another is still there. Notion deletes an object together with its parent. */
async function isParentNow(
  access: Access,
  observed: ObservedObjects,
  target: Target,
  childId: string,
): Promise<boolean> {
  const child = observed.own(access.account, childId)
  const body = child && (await read(access, { kind: child.kind, id: childId }))
  const parents = [body?.parent, body?.database_parent].flatMap((parent) =>
    isObject(parent) ? Object.values(parent) : [],
  )
  return parents.includes(target.id)
}

const wording =
  /Could not find (page|block|database|data source|data_source|comment|discussion|user|file upload|view) with ID: ([0-9a-f-]{32,36})/i

/** Notion names what it did not find. That may be a relation or a parent rather than the target of the tool. */
function namedIn(message: string): Target | null {
  const found = wording.exec(message)
  const id = toUuid(found?.[2] ?? '')
  return found?.[1] === undefined || id === null
    ? null
    : { id, kind: found[1].toLowerCase().replace(' ', '_') as ResourceKind }
}

async function probe(
  access: Access,
  observed: ObservedObjects,
  { request }: Refusal,
  target: Target,
): Promise<ToolError | null> {
  const seen = observed.own(access.account, target.id)
  const others = confusions[target.kind] ?? []
  const kinds = seen !== null && seen.kind !== target.kind && others.includes(seen.kind) ? [seen.kind] : others
  const path = pathOf(target)
  const wasItself = request.method === 'GET' && request.path === path && !request.hasQuery
  if (path !== null && !wasItself) {
    const body = await read(access, target)
    if (body !== null) {
      return flagAt(body, 'in_trash') || flagAt(body, 'archived')
        ? trashed(target, 'It is readable, and Notion reports that it is in the trash.')
        : null
    }
  }
  for (const kind of kinds) {
    const other = { kind, id: target.id }
    const body = pathOf(other) === null ? null : await read(access, other)
    if (body === null) continue
    const actual = body.type === 'child_page' ? 'page' : body.type === 'child_database' ? 'database' : kind
    if (actual !== target.kind) return wrongKind(target, actual)
  }
  return null
}

const wrongKind = (target: Target, actual: ResourceKind) =>
  new WrongResourceTypeError({
    resourceId: target.id,
    expected: nouns[target.kind],
    actual: nouns[actual],
    hint: hintFor(target.kind, actual),
  })

function hintFor(expected: ResourceKind, actual: ResourceKind): string {
  if (expected === 'data_source' && actual === 'database') {
    return 'Call notion_database_fetch with it as database_id, and pass the id of one of its data sources.'
  }
  if (expected === 'database' && actual === 'data_source') {
    return 'Call notion_data_source_fetch with it as data_source_id, and pass the id of its database.'
  }
  return useInstead[actual] ?? 'Pass the id of the right object.'
}

// A probe that fails proves nothing, whatever the reason.
async function read(access: Access, target: Target): Promise<JsonObject | null> {
  try {
    const answer = await access.lookUp(target)
    return 'body' in answer ? answer.body : null
  } catch (error) {
    if (error instanceof ToolError) return null
    throw error
  }
}

function fromMemory(account: ConnectedAccount, observed: ObservedObjects, target: Target): ToolError {
  const own = observed.own(account, target.id)
  // An id never becomes that of another kind of object. The call cannot use this one, readable or not.
  if (own !== null && own.kind !== target.kind && !accepted[target.kind]?.includes(own.kind)) {
    return wrongKind(target, own.kind)
  }
  const age = (at: number) => `${new Date(at).toISOString()}, ${ago(observed.now() - at)}`
  if (own?.inTrash) {
    return trashed(target, `It was in the trash when this account last read it, at ${age(own.at)}.`, 'was')
  }
  if (own !== null) {
    const since = 'Since then it was deleted for good, or it is no longer shared.'
    return unavailable(target, `This account could read it at ${age(own.at)}. ${since}`)
  }
  const others = observed.others(account, target.id)
  if (others !== null) {
    const at = `when another connected account of this workspace read it, at ${age(others.at)}.`
    return others.inTrash
      ? trashed(target, `It was in the trash ${at}`, 'was')
      : unavailable(target, `It existed ${at} It may have been deleted since.`)
  }
  const reference = observed.reference(account, target.id)
  if (reference === null) return unavailable(target)
  const by = reference.by === null ? '' : ` (${reference.by})`
  return unavailable(target, `${sources[reference.how]}${by}, seen at ${age(reference.at)}. ${proofs[reference.how]}`)
}

const sources = {
  mention: 'An object that this account can read mentions it',
  relation: 'A row that this account can read is related to it',
  parent: 'It was the parent of an object that this account could read',
  link: 'A block that this account can read links to it',
} as const

const proofs = {
  mention: 'A mention does not prove that it exists.',
  relation: 'That does not prove that it still exists.',
  parent: 'It may have been deleted since.',
  link: 'A link does not prove that it exists.',
} as const

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** The age of an observation in words: `5 minutes ago`. */
function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [unit, size] = units.find(([, each]) => seconds >= each) ?? (['second', 1] as const)
  const count = Math.floor(seconds / size)
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`
}

const restore: Readonly<Partial<Record<ResourceKind, string>>> = {
  database: 'notion_database_update with in_trash false',
  data_source: 'notion_data_source_update, or notion_database_update for its whole database, with in_trash false',
}

// A page is also a block, and a block in a page in the trash returns with it.
const restoreBlock =
  'No tool restores a deleted block. Call notion_block_append to write its content again, or use another block. If it is a page, or its page is in the trash, ask the user whether to restore that page (notion_page_restore).'

/** Returns the error for an object in the trash, which cannot be used before it is restored. */
export function trashed({ id, kind }: Target, evidence: string, tense: 'is' | 'was' = 'is'): ResourceNotFoundError {
  return new ResourceNotFoundError(
    id,
    evidence,
    kind === 'block'
      ? restoreBlock
      : `Ask the user whether to restore it or the page that contains it (${restore[kind] ?? 'notion_page_restore'}), or use another object.`,
    `The ${nouns[kind]} ${id} ${tense} in the trash.`,
  )
}
