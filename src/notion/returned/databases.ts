import { isDeepStrictEqual } from 'node:util'
import type { NotionCall } from '../call.ts'
import { checked } from '../input.ts'
import { isObject, type JsonObject, objectAt, textAt, toObject } from '../json.ts'
import { addIssue, plainText } from '../rich-text.ts'
import { compactDatabase, compactFullDataSource } from '../shape/compact.ts'
import { iconText } from '../shape/objects.ts'
import { readDatabase, withSources } from '../whole-database.ts'
import { changedFacts, echoedKeys, isWholeObject, otherId, refuseStale, separateFacts } from './facts.ts'

/** The keys of a returned database that its update has no input for. */
export const databaseKeys = [...echoedKeys, 'data_sources', 'properties'] as const

/** The keys of a returned data source that its update has no input for. */
export const dataSourceKeys = [
  ...echoedKeys,
  ...['name', 'description', 'database_id', 'database_parent', 'cover', 'is_inline', 'is_locked'],
] as const

/** The input of an update without what stays, and the object that was read for this; null where none was passed back. */
interface Changes<Input> {
  readonly input: Input
  readonly current: JsonObject | null
}

/**
 * Returns the input of an update of a database. Where it has a whole database as a tool returned it, in COMPACT or RAW,
 * what equals the database stays as it is.
 *
 * Throws InvalidToolInputError where the database is another one, where what this update cannot write differs, or for a
 * change of a database that was edited since it was read.
 */
export async function changesOfDatabase<Input extends JsonObject>(
  call: NotionCall,
  databaseId: string,
  passed: Input,
): Promise<Changes<Input>> {
  const { facts, input } = separateFacts(passed, databaseKeys)
  if (!isWholeObject(facts, 'database_id')) return { input, current: null }
  const database = await readDatabase(call, databaseId)
  const id = textAt(database, 'id') ?? ''
  const hasSources = facts.data_sources !== undefined || facts.properties !== undefined
  const whole = hasSources ? await withSources(call, database) : database
  const isRaw = facts.object !== undefined
  const actual: JsonObject = isRaw ? whole : compactDatabase(whole)
  return checked((at) => {
    const changed = changesAmong(input, isRaw ? database : null, {
      ...actual,
      ...flags(database),
      icon: iconText(database),
    })
    const sources = 'must be left out, or be that of the database. Call notion_data_source_update to change it'
    changedFacts(steady(facts), steady(actual), {
      ...{ kind: 'database', id, noun: 'database', at: at('') },
      otherwise: {
        id: otherId('database_id'),
        data_sources: sources,
        properties: sources,
        parent: 'must be left out, or be that of the database: no tool moves a database',
      },
      writable: () => false,
    })
    if (Object.keys(changed).length > 0) refuseStale(facts, database, 'database', at(''))
    return { input: changed as Input, current: database }
  })
}

/** Returns the input of an update of a data source, as {@link changesOfDatabase} does for a database. */
export async function changesOfDataSource<Input extends JsonObject>(
  call: NotionCall,
  id: string,
  passed: Input,
): Promise<Changes<Input>> {
  const { facts, input } = separateFacts(passed, dataSourceKeys)
  if (!isWholeObject(facts, 'data_source_id')) return { input, current: null }
  const target = { kind: 'data_source', id } as const
  const source: JsonObject = { ...(await call.bodyOf(await call.lookUp(target), { target })) }
  const shown: JsonObject = compactFullDataSource(source)
  const isRaw = facts.object !== undefined
  const actual = isRaw ? source : shown
  return checked((at) => {
    const { properties: given, ...rest } = input
    const title = { title: shown.name, icon: iconText(source) }
    const changed = changesAmong(rest, isRaw ? source : null, { ...shown, ...flags(source), ...title })
    const known = objectAt(actual, 'properties')
    const properties = Object.entries(toObject(given)).filter(
      ([name, value]) => !(Object.hasOwn(known, name) && isDeepStrictEqual(value, known[name])),
    )
    const { name } = changedFacts(
      facts,
      { name: shown.name, ...actual },
      {
        ...{ kind: 'data_source', id, noun: 'data source', at: at('') },
        otherwise: {
          id: otherId('data_source_id'),
          description: 'must be left out, or be that of the data source: no tool changes it',
          cover: 'must be left out, or be that of the data source. Call notion_database_update to change it',
        },
        writable: (key, value) => key === 'name' && typeof value === 'string',
      },
    )
    if (name !== undefined && changed.title !== undefined)
      addIssue(at('name'), 'must be left out: the title is also passed')
    const changes = {
      ...(name !== undefined && { title: [{ text: { content: name } }] }),
      ...changed,
      ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
    }
    if (Object.keys(changes).length > 0) refuseStale(facts, source, 'data source', at(''))
    return { input: changes as unknown as Input, current: source }
  })
}

const flags = (object: JsonObject): JsonObject =>
  Object.fromEntries(['is_inline', 'is_locked', 'in_trash'].map((key) => [key, object[key] ?? false]))

/** Returns the parts of an input that differ from the object in Notion's form, or else from what COMPACT shows of it. */
function changesAmong(input: JsonObject, raw: JsonObject | null, shown: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(input).filter(([key, value]) => {
      if (value === undefined) return false
      return raw === null
        ? plainOf(value) !== (shown[key] ?? null)
        : !isDeepStrictEqual(unsigned(value), unsigned(raw[key] ?? null))
    }),
  )
}

/** Returns the address of a file at Notion without its signature, which differs between answers; other values as they are. */
const unsigned = (value: unknown): unknown =>
  isObject(value) && value.type === 'file' ? textAt(value.file, 'url')?.split('?', 1)[0] : value

/** Returns the string that an input was read from: a text, an emoji or a URL. Other values stay. */
function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const isPlain = value.every(
      (item) => isObject(item) && isDeepStrictEqual(item, { text: { content: textAt(item.text, 'content') } }),
    )
    return isPlain ? plainText(value) || null : value
  }
  if (!isObject(value) || Object.keys(value).length > 1) return value
  return textAt(value, 'emoji') ?? textAt(value.external, 'url') ?? value
}

/** Returns a value without the times and the authors of edits within its lists: rows that change do so to their source. */
const steady = (facts: JsonObject): JsonObject =>
  Array.isArray(facts.data_sources)
    ? {
        ...facts,
        data_sources: facts.data_sources.map((source) =>
          isObject(source) ? { ...source, last_edited_time: null, last_edited_by: null, request_id: null } : source,
        ),
      }
    : facts
