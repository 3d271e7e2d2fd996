/**
 * Checks of the columns of data sources in requests.
 *
 * @see https://developers.notion.com/reference/property-object
 */
import type { JsonObject } from '../model.ts'
import {
  anyObject,
  array,
  branchOf,
  type Check,
  isObject,
  missing,
  nullable,
  object,
  oneOf,
  optional,
  string,
} from './check.ts'
import { refuseComma } from './property-values.ts'
import { selectColor } from './rich-text.ts'
import { uuid } from './scalars.ts'

/** Types of columns. */
const propertyTypes = [
  'number',
  'formula',
  'select',
  'multi_select',
  'status',
  'relation',
  'rollup',
  'unique_id',
  'title',
  'rich_text',
  'url',
  'people',
  'files',
  'email',
  'phone_number',
  'date',
  'checkbox',
  'created_by',
  'created_time',
  'last_edited_by',
  'last_edited_time',
  'button',
  'location',
  'verification',
  'last_visited_time',
  'place',
] as const

/** Functions of rollups. */
const rollupFunctions = [
  'count',
  'count_values',
  'empty',
  'not_empty',
  'unique',
  'show_unique',
  'percent_empty',
  'percent_not_empty',
  'sum',
  'average',
  'median',
  'min',
  'max',
  'range',
  'earliest_date',
  'latest_date',
  'date_range',
  'checked',
  'unchecked',
  'percent_checked',
  'percent_unchecked',
  'count_per_group',
  'percent_per_group',
  'show_original',
] as const

/** A column in a request: its type and the configuration under the key of the type. */
export interface PropertyConfigInput {
  readonly type: string
  readonly config: JsonObject
  readonly name?: string
  readonly description?: string | null
}

/** A change to a column: a new definition, a new name only, or its removal. */
export type PropertyChange =
  | { readonly kind: 'define'; readonly definition: PropertyConfigInput }
  | { readonly kind: 'rename'; readonly name: string }
  | { readonly kind: 'remove' }

const description = nullable(string({ min: 1, max: 280 }))
const newName = string({ min: 1 })

const optionFields = object({
  id: optional(string()),
  name: optional(string({ min: 1, max: 100 })),
  color: optional(selectColor),
  description: optional(nullable(string())),
})

const option: Check<JsonObject> = {
  expected: ['an object'],
  read(value, path) {
    const read = optionFields.read(value, path)
    if (read.id === undefined && read.name === undefined) throw missing(`${path}.name`)
    refuseComma(read.name)
    return { ...read }
  },
}

const options = object({ options: optional(array(option)) })
const number = object({ format: optional(string()) })
const formula = object({ expression: optional(string()) })
const uniqueId = object({ prefix: optional(nullable(string())) })
const dualProperty = object({ synced_property_id: optional(string()), synced_property_name: optional(string()) })
const rollup = object({
  function: oneOf(...rollupFunctions),
  relation_property_name: optional(string()),
  relation_property_id: optional(string()),
  rollup_property_name: optional(string()),
  rollup_property_id: optional(string()),
})

function readRelation(value: unknown, path: string): JsonObject {
  const source = anyObject.read(value, path)
  const { kind } = branchOf(source, path, ['single_property', 'dual_property'] as const, { closed: false })
  const target = source.data_source_id ?? source.database_id
  const key = source.data_source_id === undefined && source.database_id !== undefined ? 'database_id' : 'data_source_id'
  return {
    [key]: uuid.read(target, `${path}.${key}`),
    type: kind,
    [kind]: kind === 'dual_property' ? { ...dualProperty.read(source[kind], `${path}.${kind}`) } : {},
  }
}

function readRollup(value: unknown, path: string): JsonObject {
  const read = rollup.read(value, path)
  if (read.relation_property_name === undefined && read.relation_property_id === undefined) {
    throw missing(`${path}.relation_property_name`, `${path}.relation_property_id`)
  }
  if (read.rollup_property_name === undefined && read.rollup_property_id === undefined) {
    throw missing(`${path}.rollup_property_name`, `${path}.rollup_property_id`)
  }
  return { ...read }
}

function readConfig(type: string, value: unknown, path: string): JsonObject {
  switch (type) {
    case 'number':
      return { format: 'number', ...number.read(value, path) }
    case 'formula':
      return { expression: '', ...formula.read(value, path) }
    case 'select':
    case 'multi_select':
      return { ...options.read(value, path) }
    case 'relation':
      return readRelation(value, path)
    case 'rollup':
      return readRollup(value, path)
    case 'unique_id':
      return { prefix: null, ...uniqueId.read(value, path) }
    case 'status':
      return { ...options.read(value, path) }
    default:
      anyObject.read(value, path)
      return {}
  }
}

function readDefinition(value: unknown, path: string): PropertyConfigInput {
  const { kind, value: source } = branchOf(value, path, propertyTypes, { closed: false })
  return {
    type: kind,
    config: readConfig(kind, source[kind], `${path}.${kind}`),
    ...(source.name !== undefined && { name: newName.read(source.name, `${path}.name`) }),
    ...(source.description !== undefined && {
      description: description.read(source.description, `${path}.description`),
    }),
  }
}

/**
 * Returns the columns of a new data source by name. `at` is the path of the value, such as `body.properties`. Throws
 * InvalidInput when a column is invalid.
 */
export function readPropertyConfigs(value: unknown, at: string): Map<string, PropertyConfigInput> {
  const source = anyObject.read(value, at)
  return new Map(Object.entries(source).map(([name, inner]) => [name, readDefinition(inner, `${at}.${name}`)]))
}

/** Returns the changes to columns by name or id. Throws InvalidInput when a change is invalid. */
export function readPropertyChanges(value: unknown, at: string): Map<string, PropertyChange> {
  const source = anyObject.read(value, at)
  const changes = new Map<string, PropertyChange>()
  for (const [key, inner] of Object.entries(source)) changes.set(key, readChange(inner, `${at}.${key}`))
  return changes
}

function readChange(value: unknown, path: string): PropertyChange {
  if (value === null) return { kind: 'remove' }
  if (isObject(value)) {
    const types: readonly string[] = propertyTypes
    const defines = Object.keys(value).some((key) => types.includes(key) || key === 'type' || key === 'description')
    if (!defines && value.name !== undefined) return { kind: 'rename', name: newName.read(value.name, `${path}.name`) }
  }
  return { kind: 'define', definition: readDefinition(value, path) }
}
