/**
 * AI meeting notes. The sandbox transcribes nothing: new notes are ready at once, without a transcript.
 *
 * @see https://developers.notion.com/reference/query-meeting-notes
 */
import type { CallContext } from '../context.ts'
import { objectNotFound, validationError } from '../errors.ts'
import type { Block, Id, JsonObject, Page } from '../model.ts'
import { renderBlock } from '../render/blocks.ts'
import { isInTrash } from '../render/frame.ts'
import { plainText } from '../render/rich-text.ts'
import {
  anyObject,
  array,
  boolean,
  InvalidInput,
  isObject,
  missing,
  notPresent,
  number,
  object,
  oneOf,
  string,
} from '../validation/check.ts'
import { uuid } from '../validation/scalars.ts'
import { bodyOf, optionalField } from './endpoint.ts'
import { atEnd, attach, newStamps, requireNotInTrash } from './tree.ts'

const languages = [
  ...(['auto', 'en', 'zh-CN', 'zh-TW', 'es', 'fr', 'de', 'ja', 'ko', 'pt', 'ru', 'th', 'vi', 'id'] as const),
  ...(['da', 'fi', 'no', 'nl', 'it', 'sv', 'ar', 'he', 'pl'] as const),
]

interface Source {
  readonly parent: Page | Block
  readonly after: Id | undefined
}

/** Returns where the notes go: into the page of the request, or after the recording. */
function readSource(context: CallContext, body: Record<string, unknown>): Source {
  const { store, access } = context
  const value = anyObject.read(body.source, 'body.source')
  const kind = oneOf('file_upload', 'block').read(value.type, 'body.source.type')
  if (kind === 'file_upload') {
    if (body.parent === undefined) throw missing('body.parent')
    const { page_id } = object({ page_id: uuid }).read(body.parent, 'body.parent')
    const id = uuid.read(value.file_upload_id, 'body.source.file_upload_id')
    const upload = store.fileUploads.get(id)
    if (upload?.createdBy !== access.bot.id) throw objectNotFound('file upload', id, access.client.name)
    if (upload.status !== 'uploaded') throw validationError('The file upload must be uploaded.')
    return { parent: access.requireEditable('page', page_id), after: undefined }
  }
  if (body.parent !== undefined) throw notPresent('body.parent', body.parent)
  const block = access.requireEditable('block', uuid.read(value.block_id, 'body.source.block_id'))
  if (!('content' in block) || !['audio', 'video'].includes(block.type)) {
    throw validationError('body.source.block_id must be an audio or video block.')
  }
  const parent = block.parent.type === 'workspace' ? undefined : store.find(block.parent.id)
  if (parent === undefined || !('children' in parent)) throw objectNotFound('block', block.id, access.client.name)
  return { parent, after: block.id }
}

/** `POST /v1/blocks/meeting_notes`. */
export function createMeetingNote(context: CallContext): unknown {
  const body = bodyOf(context, ['source', 'parent', 'title', 'language', 'options'])
  const title = optionalField(body, 'title', string())
  optionalField(body, 'language', oneOf(...languages))
  const options = optionalField(body, 'options', anyObject)
  if (options?.kickoff_summary !== undefined) boolean.read(options.kickoff_summary, 'body.options.kickoff_summary')
  const { parent, after } = readSource(context, body)
  requireNotInTrash(context, parent)
  const id = context.newId()
  const block: Block = {
    id,
    workspaceId: context.access.workspace.id,
    parent: 'content' in parent ? { type: 'block_id', id: parent.id } : { type: 'page_id', id: parent.id },
    type: 'meeting_notes',
    content: { title: title ?? 'Meeting notes', status: 'notes_ready' },
    inTrash: false,
    children: [],
    ...newStamps(context),
  }
  context.store.blocks.put(block)
  attach(context, parent.id, [id], after === undefined ? atEnd : { after })
  return renderBlock(context, block)
}

/** The value of a property of meeting notes, as conditions compare it. */
function propertyOf(context: CallContext, block: Block, property: string): string | readonly string[] {
  switch (property) {
    case 'title':
      return plainText(context.store, (block.content.title ?? '') as string)
    case 'attendees':
      return attendeesOf(block)
    case 'created_by':
      return [block.createdBy]
    case 'last_edited_by':
      return [block.lastEditedBy]
    default:
      return new Date(property === 'created_time' ? block.createdTime : block.lastEditedTime).toISOString()
  }
}

function attendeesOf(block: Block): readonly string[] {
  const event = block.content.calendar_event
  const attendees = isObject(event) ? event.attendees : undefined
  return Array.isArray(attendees) ? attendees.map(String) : []
}

type Test = (block: Block) => boolean

const properties = ['title', 'attendees', 'created_time', 'created_by', 'last_edited_time', 'last_edited_by'] as const

const textTests: ReadonlyMap<string, (text: string, wanted: string) => boolean> = new Map(
  Object.entries({
    string_is: (text, wanted) => text === wanted,
    string_is_not: (text, wanted) => text !== wanted,
    string_contains: (text, wanted) => text.includes(wanted),
    string_does_not_contain: (text, wanted) => !text.includes(wanted),
    string_starts_with: (text, wanted) => text.startsWith(wanted),
    string_ends_with: (text, wanted) => text.endsWith(wanted),
  }),
)

/** Each compares the day of a time with a day. */
const dateTests: ReadonlyMap<string, (day: string, wanted: string) => boolean> = new Map(
  Object.entries({
    date_is: (day, wanted) => day === wanted,
    date_is_before: (day, wanted) => day < wanted,
    date_is_after: (day, wanted) => day > wanted,
    date_is_on_or_before: (day, wanted) => day <= wanted,
    date_is_on_or_after: (day, wanted) => day >= wanted,
  }),
)

/** Returns the test of `{ property, filter: { operator, value } }`. */
function condition(context: CallContext, source: Record<string, unknown>, path: string): Test {
  const property = oneOf(...properties).read(source.property, `${path}.property`)
  const filter = anyObject.read(source.filter, `${path}.filter`)
  const operator = string().read(filter.operator, `${path}.filter.operator`)
  const read = (block: Block) => propertyOf(context, block, property)
  if (operator === 'is_empty') return (block) => read(block).length === 0
  if (operator === 'is_not_empty') return (block) => read(block).length > 0
  if (operator.startsWith('person_')) {
    const wanted = [filter.value].flat().map((value) => {
      const inner = isObject(value) ? value.value : undefined
      return uuid.read(isObject(inner) ? inner.id : undefined, `${path}.filter.value.value.id`)
    })
    const contains: Test = (block) => wanted.some((id) => read(block).includes(id))
    return operator === 'person_contains' ? contains : (block) => !contains(block)
  }
  const { value } = anyObject.read(filter.value, `${path}.filter.value`)
  const text = textTests.get(operator)
  if (property === 'title' && text !== undefined) {
    const wanted = string().read(value, `${path}.filter.value.value`).toLowerCase()
    return (block) => text(String(read(block)).toLowerCase(), wanted)
  }
  const date = dateTests.get(operator)
  if (!property.endsWith('_time') || date === undefined) {
    throw new InvalidInput([`${path}.filter.operator: ${operator} is not an operator of ${property}.`])
  }
  const wanted = string().read(isObject(value) ? value.start_date : value, `${path}.filter.value.value`)
  return (block) => date(String(read(block)).slice(0, 10), wanted.slice(0, 10))
}

function compile(context: CallContext, value: unknown, path: string, depth: number): Test {
  const source = anyObject.read(value, path)
  if (source.property !== undefined) return condition(context, source, path)
  const operator = oneOf('and', 'or').read(source.operator, `${path}.operator`)
  if (depth > context.limits.filterNesting) throw new InvalidInput([`${path} is nested too deeply.`])
  const tests = array(anyObject)
    .read(source.filters ?? [], `${path}.filters`)
    .map((inner, index) => compile(context, inner, `${path}.filters[${index}]`, depth + 1))
  return operator === 'and'
    ? (block) => tests.every((test) => test(block))
    : (block) => tests.some((test) => test(block))
}

const sortCheck = array(object({ property: oneOf(...properties), direction: oneOf('ascending', 'descending') }))

/** `POST /v1/blocks/meeting_notes/query`: the notes of meetings that the user attended. */
export function queryMeetingNotes(context: CallContext): unknown {
  const body = bodyOf(context, ['filter', 'sort', 'limit'])
  const limit = optionalField(body, 'limit', number({ min: 1, max: 50, integer: true })) ?? 50
  const sorts = optionalField(body, 'sort', sortCheck) ?? []
  const test = body.filter === undefined ? () => true : compile(context, body.filter, 'body.filter', 0)
  const found = [...context.store.blocks.values()].filter(
    (block) =>
      block.type === 'meeting_notes' &&
      !isInTrash(context.store, block) &&
      attendeesOf(block).includes(context.access.user.id) &&
      context.access.canSee(block.id) &&
      test(block),
  )
  const compare = (a: Block, b: Block) => {
    for (const { property, direction } of sorts) {
      const [left, right] = [a, b].map((block) => String(propertyOf(context, block, property)))
      if (left !== right) return (left ?? '') < (right ?? '') === (direction === 'ascending') ? -1 : 1
    }
    return b.createdTime - a.createdTime
  }
  const results: JsonObject[] = found
    .sort(compare)
    .slice(0, limit)
    .map((block) => renderBlock(context, block))
  return { results, has_more: found.length > limit }
}
