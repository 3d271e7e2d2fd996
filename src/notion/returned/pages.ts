import { isDeepStrictEqual } from 'node:util'
import { InvalidToolInputError } from '../../errors.ts'
import type { NotionCall } from '../call.ts'
import { notionId } from '../ids.ts'
import { checked } from '../input.ts'
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts'
import { mayBeCut, referenceCount, refuseCut } from '../references.ts'
import { addIssue, isPlain, under } from '../rich-text.ts'
import { isComputed } from '../row-values.ts'
import { compactFullPage, isPageKey, propertyKey } from '../shape/compact.ts'
import { fullValue } from '../shape/property-value.ts'
import { changedFacts, echoedKeys, isMarkdown, refuseMarkdown, refuseStale } from './facts.ts'

/** A page as a tool returned it, in COMPACT or RAW, that was passed as the values of a page. */
interface ReturnedPage {
  readonly id: string
  /** What it contains of the page itself, as COMPACT does: its id, icon, parent and others. */
  readonly facts: JsonObject
  readonly values: JsonObject
  /** The places of the content of the page that notion_page_fetch returned with it. */
  readonly content: readonly string[]
  /** Whether its texts are Markdown. */
  readonly isCompact: boolean
  /** Whether a value means the current one. */
  isSame(value: unknown, current: JsonObject): boolean
}

/** What a caller passes next to the values, and what it becomes with a returned page. */
export interface PageInput {
  readonly properties?: JsonObject | undefined
  readonly icon?: JsonObject | null | undefined
  readonly cover?: JsonObject | null | undefined
  readonly is_locked?: boolean | undefined
}

/** The keys of Notion's object for a page. */
const notionKeys = new Set([...echoedKeys, ...['properties', 'icon', 'cover', 'in_trash', 'is_archived', 'is_locked']])

/** The keys that contain the page in COMPACT. */
const wrappers: readonly string[] = ['untrusted_notion_content', 'page']
/** The keys of the content of a page in results. */
const contentKeys: readonly string[] = ['markdown', 'results', 'blocks']
/** What results have next to a page about how much of its content they contain. */
const readingKeys: readonly string[] = ['next_cursor', 'has_more', 'truncated', 'unknown_block_ids', 'notice']
const isReading = (key: string) => contentKeys.includes(key) || readingKeys.includes(key)

function withContent(page: ReturnedPage, values: JsonObject): ReturnedPage {
  return { ...page, content: [...page.content, ...contentKeys.filter((key) => values[key] !== undefined)] }
}

/** Throws InvalidToolInputError for content next to a returned page: values cannot contain it. */
function refuseContent({ content }: ReturnedPage, hint: string): void {
  checked((at) => {
    for (const key of content) addIssue(under(at('properties'), key), `must be left out: it is the content. ${hint}`)
  })
}

/**
 * Returns the page that the values of an input are unmistakably: in COMPACT an `id` with the `url` of the same page, in RAW
 * Notion's object, each also as a part of the result of notion_page_fetch. Null for other values.
 */
function returnedPage(values: JsonObject): ReturnedPage | null {
  const [wrapper, ...others] = Object.keys(values).filter((key) => !isReading(key))
  const wrapped = wrapper !== undefined && wrappers.includes(wrapper) ? values[wrapper] : null
  if (others.length === 0 && isObject(wrapped)) {
    const page = returnedPage(wrapped)
    return page && withContent({ ...page, content: page.content.map((key) => `${wrapper}.${key}`) }, values)
  }
  const id = notionId(textAt(values, 'id') ?? '', 'page')
  if (id === null) return null
  if (isObject(values.properties) && Object.keys(values).every((key) => notionKeys.has(key) || isReading(key))) {
    // COMPACT leaves out what is null.
    const removed = Object.fromEntries(
      ['icon', 'cover'].filter((key) => values[key] === null).map((key) => [key, null]),
    )
    const facts = { ...compactFullPage({ ...values, properties: {} }), ...removed }
    return withContent(
      { id, facts, values: values.properties, isCompact: false, isSame: isDeepStrictEqual, content: [] },
      values,
    )
  }
  if (notionId(textAt(values, 'url') ?? '', 'page') !== id) return null
  const entries = Object.entries(values)
  return {
    id,
    facts: Object.fromEntries(entries.filter(([key]) => isPageKey(key))),
    values: Object.fromEntries(entries.filter(([key]) => !isPageKey(key))),
    isCompact: true,
    content: [],
    isSame: (value, current) => isDeepStrictEqual(value, fullValue(current)),
  }
}

/**
 * Returns an input of which the values are those to be written. Where they are a whole page as a tool returned it, what
 * equals the page stays as it is: values that Notion computes, an address, links within text that COMPACT shows as
 * Markdown. The rest is a change. `current` is the body of the page that was read for this, null for other values.
 *
 * Throws InvalidToolInputError where the page is another one, where what no update can change differs, or for a change of
 * a page that was edited since it was read.
 */
export async function changesOf<Input extends PageInput>(
  call: NotionCall,
  pageId: string,
  input: Input,
): Promise<{ readonly input: Input; readonly current: JsonObject | null }> {
  const given = input.properties === undefined ? null : returnedPage(input.properties)
  if (given === null) return { input, current: null }
  if (given.id !== pageId) {
    const message = 'must be the page_id, or be left out: it is the id of another page'
    throw new InvalidToolInputError([{ path: 'properties.id', message }])
  }
  refuseContent(given, 'Call notion_page_content_update or notion_block_update to change it')
  const current = await call.read((notion) => notion.pages.retrieve({ page_id: pageId }), {
    target: { id: pageId, kind: 'page' },
  })
  const changed = checkedFacts(given, current, input)
  const { is_locked } = changed
  const known = propertiesByKey(current)
  const properties = Object.entries(given.values).filter(([key, value]) => {
    const property = known.get(key)?.property
    return property === undefined || !given.isSame(value, property)
  })
  checkWritten(properties, known, given.isCompact)
  const isChange = properties.length > 0 || Object.keys(changed).length > 0
  if (isChange) checked((at) => refuseStale(given.facts, current, 'page', at('properties')))
  return {
    input: {
      ...input,
      ...(is_locked !== undefined && { is_locked }),
      ...(changed.icon !== undefined && { icon: changed.icon }),
      ...(changed.cover !== undefined && { cover: changed.cover }),
      properties: properties.length === 0 ? undefined : Object.fromEntries(properties),
    },
    current,
  }
}

/**
 * Returns the input of a new page. Where its values are a whole page as a tool returned it, they are those of a copy: what
 * equals the original is taken from it with its formatting, without what Notion computes.
 *
 * Throws InvalidToolInputError where the original cannot be read, or where it differs in what no new page can have.
 */
export async function copyOf<Input extends PageInput>(call: NotionCall, input: Input): Promise<Input> {
  const given = input.properties === undefined ? null : returnedPage(input.properties)
  if (given === null) return input
  refuseContent(given, 'Call notion_page_create with markdown or child_blocks next to the properties to write it')
  const found = await call.lookUp({ kind: 'page', id: given.id })
  if ('refusal' in found && found.refusal.status === 404) {
    const message = 'must be the id of a page that can be read, or be left out with the url'
    throw new InvalidToolInputError([{ path: 'properties.id', message }])
  }
  const original = await call.bodyOf(found, { target: { id: given.id, kind: 'page' } })
  const { icon, cover, is_locked } = checkedFacts(given, original, input)
  if (is_locked === true || given.facts.is_locked === true) {
    const message = 'must be left out: a new page is not locked. Call notion_page_update to lock it'
    throw new InvalidToolInputError([{ path: 'properties.is_locked', message }])
  }
  const decoration = (key: 'icon' | 'cover', changed: unknown) =>
    changed ?? (given.facts[key] === undefined || input[key] !== undefined ? undefined : original[key])
  const known = propertiesByKey(original)
  const properties = Object.entries(given.values).flatMap(([key, value]): [string, unknown][] => {
    const found = known.get(key)
    if (found === undefined || !given.isSame(value, found.property)) return [[key, value]]
    if (mayBeCut(found.property)) checked((at) => refuseCut(under(at('properties'), key), wholeForm))
    return isComputed(textAt(found.property, 'type') ?? '') ? [] : [[found.name, found.property]]
  })
  checkWritten(properties, known, given.isCompact)
  const [newIcon, newCover] = [decoration('icon', icon), decoration('cover', cover)]
  return {
    ...input,
    ...(newIcon !== undefined && { icon: newIcon }),
    ...(newCover !== undefined && { cover: newCover }),
    properties: Object.fromEntries(properties),
  }
}

/** How a whole value is passed: with as many references as a page returns, it could also be a cut one. */
const wholeForm = 'a list without the rest of the page, or leave it out'

/**
 * Throws InvalidToolInputError for changes of what Notion may have cut, as what it left out would be removed, and of Markdown
 * that stands for a formatted text.
 */
function checkWritten(
  properties: readonly [string, unknown][],
  known: ReturnType<typeof propertiesByKey>,
  isCompact: boolean,
): void {
  checked((at) => {
    for (const [key, value] of properties) {
      const property = known.get(key)?.property
      if (property === undefined || isEmpty(value)) continue
      const type = textAt(property, 'type') ?? ''
      const inner = isObject(value) ? value[type] : value
      if (isEmpty(inner)) continue
      const isText = type === 'title' || type === 'rich_text'
      if (isCompact && isText && !mayBeCut(property) && isMarkdown(inner) && !isPlain(property[type]))
        refuseMarkdown(under(at('properties'), key), 'the rest of the page')
      if (!mayBeCut(property)) continue
      // A value with more references is not that of the page.
      if (referenceCount(type, inner) <= referenceCount(type, property[type]))
        refuseCut(under(at('properties'), key), wholeForm)
    }
  })
}

const isEmpty = (value: unknown) => value === null || value === '' || (Array.isArray(value) && value.length === 0)

function propertiesByKey(page: JsonObject): ReadonlyMap<string, { name: string; property: JsonObject }> {
  const found = Object.entries(objectAt(page, 'properties')).flatMap(([name, property]) =>
    isObject(property)
      ? [[name, { name, property }] as const, [propertyKey(name, property), { name, property }] as const]
      : [],
  )
  return new Map(found)
}

/** Why a fact of a page must be left out when it is not what the page has. */
const otherwise: Readonly<Record<string, string>> = {
  parent: 'must be left out, or be that of the page. Call notion_page_move to move a page',
  in_trash: 'must be left out, or be that of the page. Call notion_page_trash or notion_page_restore',
}

const writable = ['icon', 'cover', 'is_locked'] as const

/** Returns the facts of a returned page that differ and can be written. Throws where others differ. */
function checkedFacts(given: ReturnedPage, page: JsonObject, input: PageInput) {
  const actual: JsonObject = compactFullPage({ ...page, properties: {} })
  return checked((at) => {
    const changed = changedFacts(given.facts, actual, {
      ...{ kind: 'page', id: given.id, noun: 'page', at: at('properties'), otherwise },
      writable: (key, value) =>
        key === 'icon' || key === 'cover' || (key === 'is_locked' && typeof value === 'boolean'),
    })
    for (const key of writable) {
      if (changed[key] !== undefined && input[key] !== undefined)
        addIssue(under(at('properties'), key), 'must be left out: it is also passed outside of the properties')
    }
    return changed as { icon?: unknown; cover?: unknown; is_locked?: boolean }
  })
}
