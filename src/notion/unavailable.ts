import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { ResourceNotFoundError, ResourceUnavailableError, ToolError, WrongResourceTypeError } from '../errors.ts'
import type { NotionAnswer, NotionRequest, Refusal } from './exchange.ts'
import { toUuid } from './ids.ts'
import { flagAt, type JsonObject } from './json.ts'
import type { ResourceKind, Sightings } from './sightings.ts'
import { notShared } from './tool-errors.ts'

/** What a request was about. */
export interface Target {
  readonly id: string
  readonly kind: ResourceKind
}

/** What the decision may use: one account's eyes and memory. */
export interface Witness {
  readonly account: ConnectedAccount
  readonly sightings: Sightings
  /** Sends a reading request; a refusal is an answer. */
  attempt(request: NotionRequest): Promise<NotionAnswer>
}

/** The path that reads an object of a kind, or null where Notion has none. */
export function retrieval(kind: ResourceKind, id: string): NotionRequest | null {
  const folder = folders[kind]
  return folder === undefined ? null : { method: 'get', path: `${folder}/${id}` }
}

const folders: Readonly<Partial<Record<ResourceKind, string>>> = {
  page: 'pages',
  database: 'databases',
  data_source: 'data_sources',
  block: 'blocks',
  comment: 'comments',
  user: 'users',
  file_upload: 'file_uploads',
}

/** Which other kinds an id may turn out to be, the likeliest first. */
const confusions: Readonly<Partial<Record<ResourceKind, readonly ResourceKind[]>>> = {
  page: ['database', 'data_source', 'block'],
  database: ['data_source', 'page', 'block'],
  data_source: ['database', 'page', 'block'],
  block: ['database', 'data_source'],
  comment: ['page', 'block'],
}

/** Kinds whose ids are taken for another: pages and databases are blocks too, and a data source stands for its database. */
const standIns: Readonly<Partial<Record<ResourceKind, readonly ResourceKind[]>>> = {
  block: ['page', 'database'],
  database: ['data_source'],
}

const words: Readonly<Record<ResourceKind, string>> = {
  page: 'page',
  database: 'database',
  data_source: 'data source',
  block: 'block',
  comment: 'comment',
  discussion: 'discussion',
  user: 'user',
  file_upload: 'file upload',
  property: 'property',
}

const useInstead: Readonly<Partial<Record<ResourceKind, string>>> = {
  page: 'Use notion_page_fetch to read it, or pass the id of the right object.',
  database: 'Use notion_database_fetch or notion_database_query with it as database_id.',
  data_source: 'Use notion_database_query or notion_database_fetch with it as database_id.',
  block: 'Use notion_block_fetch or notion_block_list with it as block_id.',
  comment: 'Use notion_comment_retrieve with it as comment_id, or pass the id of the right object.',
  discussion: 'Use notion_comment_create with it as discussion_id, or notion_comments_fetch with the id of its page.',
  user: 'Use notion_user_fetch with it as user_id, or pass the id of the right object.',
}

const searchFirst =
  'Find the right id by its title with notion_data_fetch; if the id is right, ask the user to share the page or database with the connection in Notion (••• menu, Connections).'

/** How the right id is found, by what was looked for. */
const findInstead: Readonly<Partial<Record<ResourceKind, string>>> = {
  block: `List the blocks of its page with notion_block_list, with their ids. ${searchFirst}`,
  comment:
    'List the comments of its page or block with notion_comments_fetch, with their ids; if the id is right, ask the user to share the page with the connection in Notion.',
  discussion:
    'Take discussion_id of a comment from notion_comments_fetch; if the id is right, ask the user to share the page with the connection in Notion.',
  user: 'List the users and their ids with notion_user_list, and use one of them.',
  file_upload: 'List the uploads with notion_file_upload_list, or upload the file again.',
  property: 'See the properties of the page with notion_page_fetch, and use one of them.',
}

const unavailable = (target: Target) => new ResourceUnavailableError(target.id, findInstead[target.kind] ?? searchFirst)

/**
 * What a 404 means. Notion says the same of what is missing, what is not shared, what is of another kind and what was
 * deleted (reference "Errors"), so evidence decides, in this order: what the id names when asked as another kind; whether
 * it can be read and lies in the trash; what this account saw before; what it saw pointing there; what another account of
 * the environment saw in the same workspace. Where nothing decides, the error says so.
 */
export async function decideUnavailable(
  witness: Witness,
  request: NotionRequest,
  refusal: Refusal,
  target: Target | null,
): Promise<ToolError> {
  const named = namedIn(refusal.message) ?? target
  if (named === null) return new ResourceUnavailableError('that the call names')
  // Users and uploads are not shared page by page: what is not there for the connection is not there.
  if (named.kind === 'user' || named.kind === 'file_upload' || named.kind === 'property') {
    const evidence = `Notion knows no ${words[named.kind]} of this id here.`
    return new ResourceNotFoundError(named.id, evidence, findInstead[named.kind])
  }
  const probed = await probe(witness, request, named)
  return probed ?? fromMemory(witness, named) ?? unavailable(named)
}

const wording =
  /Could not find (page|block|database|data source|data_source|comment|discussion|user|file upload) with ID: ([0-9a-f-]{32,36})/i

/** Notion names what it did not find: that may be a relation or a parent rather than what the tool was about. */
function namedIn(message: string): Target | null {
  const found = wording.exec(message)
  const id = toUuid(found?.[2] ?? '')
  return found?.[1] === undefined || id === null
    ? null
    : { id, kind: found[1].toLowerCase().replace(' ', '_') as ResourceKind }
}

async function probe(witness: Witness, request: NotionRequest, target: Target): Promise<ToolError | null> {
  const seen = witness.sightings.own(witness.account, target.id)
  const others = confusions[target.kind] ?? []
  const kinds = seen !== null && seen.kind !== target.kind && others.includes(seen.kind) ? [seen.kind] : others
  const itself = retrieval(target.kind, target.id)
  if (itself !== null && !(request.method === 'get' && request.path === itself.path)) {
    const body = await read(witness, itself)
    if (body !== null) {
      return flagAt(body, 'in_trash') || flagAt(body, 'archived')
        ? trashed(target, 'It can be read, and Notion says that it is in the trash.')
        : null
    }
  }
  for (const kind of kinds) {
    const other = retrieval(kind, target.id)
    const body = other === null ? null : await read(witness, other)
    if (body === null) continue
    const actual = body.type === 'child_page' ? 'page' : body.type === 'child_database' ? 'database' : kind
    if (actual === target.kind) continue
    return wrongKind(target, actual)
  }
  return null
}

const wrongKind = (target: Target, actual: ResourceKind) =>
  new WrongResourceTypeError({
    ...{ resourceId: target.id, expected: words[target.kind], actual: words[actual] },
    hint: hintFor(target.kind, actual),
  })

function hintFor(expected: ResourceKind, actual: ResourceKind): string {
  if (expected === 'data_source' && actual === 'database') {
    return 'notion_database_fetch with it as database_id shows its data sources: pass the id of one of them.'
  }
  if (expected === 'database' && actual === 'data_source') {
    return 'notion_data_source_fetch with it as data_source_id shows its database: pass the id of that.'
  }
  return useInstead[actual] ?? 'Pass the id of the right object.'
}

// A probe that fails proves nothing, whatever the reason; that the account is out of use is for the call itself to find.
async function read(witness: Witness, request: NotionRequest): Promise<JsonObject | null> {
  try {
    const answer = await witness.attempt(request)
    return 'body' in answer ? answer.body : null
  } catch (error) {
    if (error instanceof ToolError) return null
    throw error
  }
}

function fromMemory(witness: Witness, target: Target): ToolError | null {
  const { account, sightings } = witness
  const own = sightings.own(account, target.id)
  // Whether it can still be read or not, the call has no use for it.
  if (own !== null && own.kind !== target.kind && !standIns[target.kind]?.includes(own.kind)) {
    return wrongKind(target, own.kind)
  }
  if (own?.inTrash) return trashed(target, `It was in the trash when this account last saw it, at ${time(own.at)}.`)
  if (own !== null) {
    return notShared(
      target.id,
      `This account could read it at ${time(own.at)}. Objects in the trash stay readable, so it is no longer shared.`,
    )
  }
  const others = sightings.others(account, target.id)
  if (others !== null) {
    return others.inTrash
      ? trashed(
          target,
          `It was in the trash at ${time(others.at)}, as another connected account of this workspace saw.`,
        )
      : notShared(
          target.id,
          `It existed at ${time(others.at)}: another connected account of this workspace could see it.`,
        )
  }
  const reference = sightings.reference(account, target.id)
  if (reference !== null) {
    return notShared(
      target.id,
      `${sources[reference.how]}${reference.by === null ? '' : ` (${reference.by})`}, seen at ${time(reference.at)}.`,
    )
  }
  return null
}

const sources = {
  mention: 'An object that this account can read mentions it',
  relation: 'A row that this account can read is related to it',
  parent: 'It is the parent of an object that this account can read',
  link: 'A block that this account can read links to it',
} as const

const time = (at: number) => new Date(at).toISOString()

const restore: Readonly<Partial<Record<ResourceKind, string>>> = {
  database: 'notion_database_update with in_trash false',
  data_source: 'notion_data_source_update, or notion_database_update for its whole database, with in_trash false',
}

/** What lies in the trash: there, and of no use before it is restored. */
export function trashed({ id, kind }: Target, evidence: string): ResourceNotFoundError {
  return new ResourceNotFoundError(
    id,
    evidence,
    `It, or what it lies in, is in the trash: ask the user whether to restore it (${restore[kind] ?? 'notion_page_restore'}), or use another object.`,
    `The ${words[kind]} ${id} is in the trash.`,
  )
}
