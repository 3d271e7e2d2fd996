/**
 * Checks of property values in requests.
 *
 * @see https://developers.notion.com/reference/page-property-values
 */
import { limits } from '../context.ts'
import type { Id, JsonObject, StoredRichText } from '../model.ts'
import {
  anyObject,
  array,
  boolean,
  branchOf,
  type Check,
  InvalidInput,
  missing,
  nullable,
  number,
  object,
  oneOf,
  optional,
  string,
} from './check.ts'
import { propertyFile } from './files.ts'
import { date, richText, selectColor, storedDate } from './rich-text.ts'
import { uuid } from './scalars.ts'

/** A reference to an option by id, name or both. */
export interface OptionReference {
  readonly id?: string
  readonly name?: string
  readonly color?: string
  readonly description?: string | null
}

/** A value to write, by the type of its property. */
export type PropertyInput =
  | { readonly type: 'title' | 'rich_text'; readonly value: StoredRichText }
  | { readonly type: 'number'; readonly value: number | null }
  | { readonly type: 'checkbox'; readonly value: boolean }
  | { readonly type: 'url' | 'email' | 'phone_number'; readonly value: string | null }
  | { readonly type: 'select' | 'status'; readonly value: OptionReference | null }
  | { readonly type: 'multi_select'; readonly value: readonly OptionReference[] }
  | { readonly type: 'date' | 'place' | 'verification'; readonly value: JsonObject | null }
  | { readonly type: 'people' | 'relation'; readonly value: readonly Id[] }
  | { readonly type: 'files'; readonly value: readonly JsonObject[] }

const writableTypes = [
  'title',
  'rich_text',
  'number',
  'url',
  'select',
  'multi_select',
  'people',
  'email',
  'phone_number',
  'date',
  'checkbox',
  'relation',
  'files',
  'status',
  'place',
  'verification',
] as const

const optionName = string({ min: 1, max: 100 })
const optionFields = object(
  {
    id: optional(string({ min: 1, max: 100 })),
    name: optional(optionName),
    color: optional(selectColor),
    description: optional(nullable(string())),
  },
  'closed',
)

const option: Check<OptionReference> = {
  expected: ['an object'],
  read(value, path, also) {
    const read = optionFields.read(value, path, also)
    if (read.id === undefined && read.name === undefined) throw missing(`${path}.id`, `${path}.name`)
    refuseComma(read.name)
    return read
  },
}

/** Throws InvalidInput when the name of an option contains a comma: Notion separates options by commas. */
export function refuseComma(name: string | undefined): void {
  if (name?.includes(',')) throw new InvalidInput([`Invalid select option, commas not allowed: ${name}`])
}

const user = object({ id: uuid, object: optional(oneOf('user', 'group')) })
const relation = object({ id: uuid })
const place = object(
  {
    lat: number(),
    lon: number(),
    name: optional(nullable(string())),
    address: optional(nullable(string())),
    aws_place_id: optional(nullable(string())),
    google_place_id: optional(nullable(string())),
  },
  'open',
)
const verification = object({ state: oneOf('verified', 'unverified'), date: optional(nullable(date)) })

const nullableNumber = nullable(number())
const nullableUrl = nullable(string({ min: 1, max: limits.urlLength }))
const nullableEmail = nullable(string({ min: 1, max: limits.emailLength }))
const nullablePhone = nullable(string({ min: 1, max: limits.phoneNumberLength }))
const nullableOption = nullable(option)
const nullableDate = nullable(date)
const nullablePlace = nullable(place)
const options = array(option, { max: limits.multiSelectOptionsPerRequest })
const people = array(user, { max: limits.peoplePerRequest })
const relations = array(relation, { max: limits.relationsPerRequest })
const files = array(propertyFile)

/**
 * Returns a property value with the type of its key. The caller checks that the property has this type. Throws
 * InvalidInput when the value is invalid.
 */
export function readPropertyValue(value: unknown, path: string): PropertyInput {
  const { kind, value: source } = branchOf(value, path, writableTypes, { otherKeys: ['id'] })
  const [inner, at] = [source[kind], `${path}.${kind}`]
  switch (kind) {
    case 'title':
    case 'rich_text':
      return { type: kind, value: richText.read(inner, at) }
    case 'number':
      return { type: kind, value: nullableNumber.read(inner, at) }
    case 'checkbox':
      return { type: kind, value: boolean.read(inner, at) }
    case 'url':
      return { type: kind, value: nullableUrl.read(inner, at) }
    case 'email':
      return { type: kind, value: nullableEmail.read(inner, at) }
    case 'phone_number':
      return { type: kind, value: nullablePhone.read(inner, at) }
    case 'select':
    case 'status':
      return { type: kind, value: nullableOption.read(inner, at) }
    case 'multi_select':
      return { type: kind, value: options.read(inner, at) }
    case 'date': {
      const read = nullableDate.read(inner, at)
      return { type: kind, value: read && storedDate(read) }
    }
    case 'people':
      return { type: kind, value: people.read(inner, at).map(({ id }) => id) }
    case 'relation':
      return { type: kind, value: relations.read(inner, at).map(({ id }) => id) }
    case 'files':
      return { type: kind, value: files.read(inner, at) }
    case 'place': {
      const read = nullablePlace.read(inner, at)
      return { type: kind, value: read && { ...read } }
    }
    case 'verification': {
      const read = verification.read(inner, at)
      return { type: kind, value: { state: read.state, date: read.date ? storedDate(read.date) : null } }
    }
  }
}

/** The keys of a value that is an object, by type. Notion also accepts the object without the key of the type. */
const objectKeys: ReadonlyMap<string, readonly string[]> = new Map([
  ['select', ['id', 'name', 'color', 'description']],
  ['status', ['id', 'name', 'color', 'description']],
  ['date', ['start', 'end', 'time_zone']],
  ['place', ['lat', 'lon', 'name', 'address', 'aws_place_id', 'google_place_id']],
  ['verification', ['state', 'date']],
])

const scalarTypes: ReadonlyMap<string, string> = new Map([
  ['number', 'number'],
  ['checkbox', 'boolean'],
  ...(['url', 'email', 'phone_number'] as const).map((type) => [type, 'string'] as const),
])

/** Whether a value of a type is written without the key of the type. */
function isShort(type: string, value: unknown): boolean {
  if (Array.isArray(value)) return listTypes.has(type)
  if (value === null) return scalarTypes.has(type) || objectKeys.has(type)
  if (typeof value !== 'object') return typeof value === scalarTypes.get(type)
  const keys = objectKeys.get(type)
  const given = Object.keys(value)
  return keys !== undefined &&
    given.some((key) => keys.includes(key)) &&
    !given.includes(type) &&
    !given.includes('type')
    ? given.every((key) => keys.includes(key))
    : false
}

/** Types whose value is a list, which Notion also accepts without the key of the type. */
const listTypes: ReadonlySet<string> = new Set(['title', 'rich_text', 'multi_select', 'people', 'relation', 'files'])

/**
 * Returns the property values in a request by name or id. `at` is the path of the value, such as `body.properties`, and
 * `typeOf` returns the type of a property. Throws InvalidInput when a value is invalid.
 */
export function readPropertyValues(
  value: unknown,
  at: string,
  typeOf: (key: string) => string | undefined,
): Map<string, PropertyInput> {
  const entries = Object.entries(anyObject.read(value, at))
  return new Map(
    entries.map(([key, inner]) => {
      const type = typeOf(key)
      const short = type !== undefined && isShort(type, inner)
      return [key, readPropertyValue(short ? { [type]: inner } : inner, `${at}.${key}`)]
    }),
  )
}
