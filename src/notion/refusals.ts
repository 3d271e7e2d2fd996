import type { ConnectedAccount } from '../accounts/connected-account.ts'
import {
  type InputIssue,
  InvalidToolInputError,
  MissingCapabilityError,
  OutcomeUnknownError,
  ProviderError,
  type ToolError,
} from '../errors.ts'
import type { Refusal } from './answer.ts'
import type { NotionCapability } from './capabilities.ts'

/** Returns the capability that a request needs (https://developers.notion.com/reference/capabilities). */
export function capabilityOf({ method, path }: Pick<Refusal['request'], 'method' | 'path'>): NotionCapability {
  const [area] = path.split('/')
  if (area === 'comments') return method === 'GET' ? 'READ_COMMENTS' : 'INSERT_COMMENTS'
  if (area === 'users') return 'READ_USERS'
  if (method === 'GET' || path === 'search' || path.endsWith('/query')) return 'READ_CONTENT'
  if (method === 'POST') return path.endsWith('/move') ? 'UPDATE_CONTENT' : 'INSERT_CONTENT'
  return path.endsWith('/children') ? 'INSERT_CONTENT' : 'UPDATE_CONTENT'
}

/** The names of parts of a request in the input of the tool: `{ children: 'child_blocks' }`. */
export type InputNames = Readonly<Record<string, string>>

/** Returns what a refusal other than 404 and 503 means for the caller. */
export function refusalError(
  refusal: Refusal,
  account: ConnectedAccount,
  names: InputNames,
  place: string | null,
): ToolError {
  const { request, status, code, message, requestId } = refusal
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

// The block limit of the free plan is a 403 with the same code. Its message names the limit, not the permissions.
const aboutPlan = (message: string) => /\b(?:plan|block limit|limit of|upgrade)\b/i.test(message)

// Property names contain spaces.
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

/** Returns the places that a `validation_error` names, as places of the input of the tool. */
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

/** Returns `child_blocks.0.paragraph` for `.children[0].paragraph`: the longest renamed beginning counts. */
function inputPath(path: string, names: InputNames): string {
  const dotted = path.replace(/^\./, '').replaceAll(/\[(\d+)\]/g, '.$1')
  const known = Object.keys(names)
    .filter((name) => dotted === name || dotted.startsWith(`${name}.`))
    .toSorted((a, b) => b.length - a.length)
  const [longest] = known
  if (longest === undefined) return dotted
  return `${names[longest] ?? longest}${dotted.slice(longest.length)}`
}

/** Returns the error for a change that was saved and could not be read again. */
export function savedWithoutAnswer(refusal: Refusal): OutcomeUnknownError {
  const ids = committedIds(refusal)
  return new OutcomeUnknownError(
    ids.length > 0
      ? `Notion saved the change (${ids.join(', ')}) and did not answer in time.`
      : 'Notion saved the change and did not answer in time.',
    { committedIds: ids, hint: 'Do not repeat the call: the change is saved. Read the object to see it.' },
  )
}

/** The ids that Notion named as written: the children, or the object itself. */
function committedIds(refusal: Refusal): readonly string[] {
  if (refusal.saved === null) return []
  if (refusal.saved.childIds.length > 0) return refusal.saved.childIds
  return refusal.saved.resourceId === null ? [] : [refusal.saved.resourceId]
}
