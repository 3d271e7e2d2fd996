import type { ConnectedAccount } from '../accounts/connected-account.ts'
import {
  type InputIssue,
  InvalidToolInputError,
  MissingCapabilityError,
  OutcomeUnknownError,
  ProviderError,
  type ToolError,
} from '../errors.ts'
import type { NotionCapability } from './capabilities.ts'
import { isRead, type NotionRequest, type Refusal } from './exchange.ts'

/** The capability that Notion asks for (https://developers.notion.com/reference/capabilities), by request. */
export function capabilityOf(request: NotionRequest): NotionCapability {
  const [area] = request.path.split('/')
  if (area === 'comments') return request.method === 'get' ? 'READ_COMMENTS' : 'INSERT_COMMENTS'
  if (area === 'users') return 'READ_USERS'
  if (isRead(request)) return 'READ_CONTENT'
  if (request.method === 'post') return request.path.endsWith('/move') ? 'UPDATE_CONTENT' : 'INSERT_CONTENT'
  return request.path.endsWith('/children') ? 'INSERT_CONTENT' : 'UPDATE_CONTENT'
}

/** How parts of a request are called in the tool's input: `{ children: 'child_blocks' }`. */
export type InputNames = Readonly<Record<string, string>>

/** What a refusal other than 404 and 503 means for the caller. */
export function refusalError(
  refusal: Refusal,
  request: NotionRequest,
  account: ConnectedAccount,
  names: InputNames,
  place: string | null,
): ToolError {
  const { status, code, message, requestId } = refusal
  if (status === 403 && code === 'restricted_resource' && !aboutPlan(message)) {
    const capability = capabilityOf(request)
    const declaredNow = account.appCapabilities.includes(capability)
    const consented = account.grant?.capabilities.includes(capability) ?? false
    return new MissingCapabilityError(capability, { needsConsent: declaredNow && !consented })
  }
  if (status === 400 && code === 'validation_error') {
    const issues = issuesOf(message, names)
    if (issues.length > 0) return new InvalidToolInputError(issues)
    if (place !== null) return new InvalidToolInputError([{ path: place, message }])
  }
  return new ProviderError(message, { status, code, requestId, retryable: false })
}

// The free plan's block limit is a 403 with the same code; its wording names the limit, not the permissions.
const aboutPlan = (message: string) => /\b(?:plan|block limit|limit of|upgrade)\b/i.test(message)

// Names of properties have spaces.
const located =
  /\b(body|path|query)((?:\.[^.[\]`"\n]+?|\[\d+\])+) (should [^\n]*?)(?=(?:[.;,])?\s+(?:body|path|query)\.|\n|$)/g
const patterns: readonly { readonly at: RegExp; readonly place: string }[] = [
  { at: /^(?<name>.+) is not a property that exists/, place: 'properties' },
  { at: /^(?<name>.+) is expected to be /, place: 'properties' },
  { at: /^Invalid (?:status|select) option.*/, place: 'properties' },
  { at: /^Could not find sort property with name or id: (?<name>.+)$/, place: 'sorts' },
  { at: /^Could not find property with name or id: (?<name>.+)$/, place: 'filter' },
  { at: /property type in the database does not match the property type of the filter/, place: 'filter' },
  { at: /\bstart_cursor\b/, place: 'start_cursor' },
]

/** The places that a `validation_error` names, as places of the tool's input; none where it names none. */
export function issuesOf(message: string, names: InputNames): readonly InputIssue[] {
  const issues: InputIssue[] = []
  for (const [, , path = '', text = ''] of message.matchAll(located)) {
    issues.push({ path: inputPath(path, names), message: text.replace(/\.$/, '') })
  }
  if (issues.length > 0) return issues
  for (const { at, place } of patterns) {
    const found = at.exec(message)
    if (found === null) continue
    const name = found.groups?.name
    const path = inputPath(`.${place}`, names)
    return [{ path: name !== undefined && place === 'properties' ? `${path}.${name}` : path, message }]
  }
  return []
}

/** `.children[0].paragraph` as `child_blocks.0.paragraph`: the longest renamed beginning wins. */
function inputPath(path: string, names: InputNames): string {
  const dotted = path.replace(/^\./, '').replaceAll(/\[(\d+)\]/g, '.$1')
  const known = Object.keys(names)
    .filter((name) => dotted === name || dotted.startsWith(`${name}.`))
    .toSorted((a, b) => b.length - a.length)
  const [longest] = known
  if (longest === undefined) return dotted
  return `${names[longest] ?? longest}${dotted.slice(longest.length)}`
}

/** A change was saved and what it made could not be read again. */
export function savedWithoutAnswer(refusal: Refusal): OutcomeUnknownError {
  const ids = committedIds(refusal)
  return new OutcomeUnknownError(
    ids.length > 0
      ? `Notion saved the change (${ids.join(', ')}) and could not answer in time.`
      : 'Notion saved the change and could not answer in time.',
    { committedIds: ids, hint: 'Do not repeat the call: the change is saved. Read the object to see it.' },
  )
}

/** What Notion named as written: the children, or the object itself. */
export function committedIds(refusal: Refusal): readonly string[] {
  if (refusal.saved === null) return []
  if (refusal.saved.childIds.length > 0) return refusal.saved.childIds
  return refusal.saved.resourceId === null ? [] : [refusal.saved.resourceId]
}
