import { InvalidToolInputError } from '../errors.ts'
import type { NotionCall } from './call.ts'
import { schemaOf } from './data-sources.ts'
import { checkFilter, checkSorts, filterOf } from './filters.ts'
import { checked } from './input.ts'
import { asJson, isObject, type JsonObject, toObject } from './json.ts'
import { dictionary } from './names.ts'
import { addIssue, type InputContext, under } from './rich-text.ts'
import { conditionIssues, exactNames } from './row-conditions.ts'
import { unknownProperty } from './rows.ts'
import { findProperty, type PropertySchema } from './schema-cache.ts'

/** The layouts of views. */
export const viewTypes = [
  ...(['table', 'board', 'list', 'calendar', 'timeline'] as const),
  ...(['gallery', 'form', 'chart', 'map', 'dashboard'] as const),
] as const

export type ViewType = (typeof viewTypes)[number]

/** What an input states about a view. Conditions have the form of a query. */
export interface ViewInput {
  readonly filter?: JsonObject | undefined
  readonly sorts?: readonly JsonObject[] | undefined
  readonly quick_filters?: JsonObject | undefined
  readonly configuration?: JsonObject | undefined
}

/** Settings without which Notion creates no view of the type. */
const required: Readonly<Record<string, { readonly key: string; readonly example: string }>> = {
  board: { key: 'group_by', example: '{"group_by":"Status"}' },
  calendar: { key: 'date_property_id', example: '{"date_property_id":"Due Date"}' },
  timeline: { key: 'date_property_id', example: '{"date_property_id":"Due Date"}' },
  chart: { key: 'chart_type', example: '{"chart_type":"bar","x_axis":"Status"}' },
}

/** Adds an issue where the configuration of a new view lacks what its type needs. */
export function checkRequired(type: ViewType, { configuration }: ViewInput, context: InputContext): void {
  const needed = required[type]
  if (needed === undefined || configuration?.[needed.key] !== undefined) return
  addIssue(under(context, needed.key), `is required for a ${type}, such as ${needed.example}`)
}

/**
 * Returns the settings of a view in Notion's form. Settings that do not fit the properties of the data source as remembered
 * are checked again against the properties as they are now, as the conditions of a query are. Throws InvalidToolInputError.
 */
export async function checkedSettings(
  call: NotionCall,
  dataSourceId: string,
  input: ViewInput,
  type: string,
  more: (at: (path: string) => InputContext) => void = () => {},
): Promise<ReturnType<typeof viewSettings>> {
  const check = (properties: readonly PropertySchema[]) =>
    checked((at) => {
      more(at)
      return viewSettings(input, type, properties, at)
    })
  const known = await schemaOf(call, dataSourceId)
  try {
    return check(known.properties)
  } catch (error) {
    if (known.fresh || !(error instanceof InvalidToolInputError)) throw error
    return check((await schemaOf(call, dataSourceId, { fresh: true })).properties)
  }
}

/**
 * Returns what an input states about a view in Notion's form, checked against the properties of the data source: in the
 * configuration, names of properties become ids, and a property's name becomes how to group by it. An empty filter or list
 * of sorts removes what the view has: it becomes null.
 */
function viewSettings(
  input: ViewInput,
  type: string,
  properties: readonly PropertySchema[],
  at: (path: string) => InputContext,
) {
  const { filter, sorts, quick_filters, configuration } = input
  const isEmpty = filter !== undefined && Object.keys(filter).length === 0
  const condition = filter === undefined || isEmpty ? null : filterIn(filter, properties, at('filter'))
  const quick = Object.entries(quick_filters ?? {}).map(([name, given]): [string, unknown] => {
    const place = under(at('quick_filters'), name)
    if (isObject(given)) {
      if (given.property !== undefined && given.property !== name)
        addIssue(under(place, 'property'), `must be left out: the condition is for "${name}"`)
      const { property, ...rest } = filterIn({ ...given, property: name }, properties, place)
      return [typeof property === 'string' ? property : name, rest]
    }
    if (given !== null) addIssue(place, 'must be a condition, such as {"select":{"equals":"Done"}}, or null')
    return [propertyOf(name, properties, place)?.name ?? name, given]
  })
  const order = sorts === undefined ? undefined : checkSorts(sorts, at('sorts'))
  for (const { path, message } of order === undefined ? [] : conditionIssues(properties, { sorts: order })) {
    at('').issues.push({ path, message })
  }
  return {
    ...(filter !== undefined && { filter: condition }),
    ...(order !== undefined && { sorts: order.length === 0 ? null : exactNames(properties, { sorts: order }).sorts }),
    ...(quick_filters !== undefined && { quick_filters: Object.fromEntries(quick) }),
    ...(configuration !== undefined && {
      configuration: { ...toObjectForm(configuration, properties, at('configuration')), type },
    }),
  }
}

/** Returns a filter in Notion's form with the names as they are. Adds the issues that a query would report. */
function filterIn(filter: JsonObject, properties: readonly PropertySchema[], context: InputContext): JsonObject {
  const before = context.issues.length
  checkFilter(filter, context)
  if (context.issues.length > before) return {}
  const conditions = { filter: filterOf(filter) }
  for (const { path, message } of conditionIssues(properties, conditions)) {
    context.issues.push({ path: `${context.path}${path.slice('filter'.length)}`, message })
  }
  return toObject(exactNames(properties, conditions).filter)
}

const groupKeys = new Set(['group_by', 'sub_group_by', 'x_axis', 'stack_by'])
const isIdKey = (key: string) => key === 'property_id' || key.endsWith('_property_id') || key === 'map_by'

function toObjectForm(value: JsonObject, properties: readonly PropertySchema[], context: InputContext): JsonObject {
  const convert = (key: string, inner: unknown, at: InputContext): unknown => {
    if (typeof inner === 'string' && isIdKey(key)) return propertyOf(inner, properties, at)?.id ?? inner
    // Within a way to group, `group_by` is the unit.
    if (typeof inner === 'string' && groupKeys.has(key) && value.property_id === undefined) {
      return grouping(inner, properties, at) ?? inner
    }
    if (Array.isArray(inner)) return inner.map((item, index) => convert('', item, under(at, index)))
    return isObject(inner) ? toObjectForm(inner, properties, at) : asJson(inner)
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, convert(key, inner, under(context, key))]),
  )
}

function propertyOf(name: string, properties: readonly PropertySchema[], context: InputContext) {
  const found = findProperty(properties, name)
  if (found === undefined) addIssue(context, unknownProperty(properties, name))
  return found
}

const periods = { group_by: 'month' }
const exact = { group_by: 'exact' }

/** How to group by a property of each type. */
const groupings = dictionary<JsonObject>({
  ...{ select: {}, multi_select: {}, status: { group_by: 'option' }, checkbox: {}, number: {}, relation: {} },
  ...{ people: { type: 'person' }, created_by: {}, last_edited_by: {} },
  ...{ date: periods, created_time: periods, last_edited_time: periods },
  ...{ title: exact, rich_text: { ...exact, type: 'text' }, url: exact, email: exact, phone_number: exact },
})

function grouping(name: string, properties: readonly PropertySchema[], context: InputContext): JsonObject | undefined {
  const found = propertyOf(name, properties, context)
  const more = groupings[found?.type ?? '']
  if (found === undefined) return undefined
  if (more === undefined) {
    addIssue(context, `must be an object in Notion's form for a property of type ${found.type}`)
    return undefined
  }
  return { type: found.type, property_id: found.id, sort: { type: 'manual' }, ...more }
}
