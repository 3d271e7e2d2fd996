import type { QueryDataSourceParameters } from '@notionhq/client'
import type { InputIssue } from '../errors.ts'
import { isObject } from './json.ts'
import { dictionary, looksLike, named, withId } from './names.ts'
import { addIssue, collectIssues, type InputContext, under } from './rich-text.ts'
import { unknownOption } from './row-values.ts'
import { unknownProperty } from './rows.ts'
import { findProperty, type PropertySchema } from './schema-cache.ts'

/** Filter and sorts of a query, whose form is checked before. */
export type RowConditions = Pick<QueryDataSourceParameters, 'filter' | 'sorts'>

/** Whether conditions name properties: otherwise there is nothing to check. */
export function namesProperties({ filter, sorts = [] }: RowConditions): boolean {
  return filter !== undefined || sorts.some((sort) => 'property' in sort)
}

/** Returns what does not fit the properties: unknown names, conditions of another type, unknown options. */
export function conditionIssues(
  properties: readonly PropertySchema[],
  conditions: RowConditions,
): readonly InputIssue[] {
  return collectIssues((issues) => {
    if (conditions.filter !== undefined) checkPart(properties, conditions.filter, { path: 'filter', issues })
    for (const [index, sort] of (conditions.sorts ?? []).entries()) {
      if (!('property' in sort) || findProperty(properties, sort.property) !== undefined) continue
      const instead = timestampInstead(sort.property, (timestamp) => `{"timestamp": "${timestamp}"}`)
      addIssue({ path: `sorts.${index}.property`, issues }, `${unknownProperty(properties, sort.property)}${instead}`)
    }
  }).issues
}

/**
 * Returns conditions with the names of properties and options as they are, where they are passed as names that look the
 * same: Notion compares them exactly.
 */
export function exactNames(properties: readonly PropertySchema[], { filter, sorts }: RowConditions): RowConditions {
  return {
    ...(filter !== undefined && { filter: exactFilter(properties, filter) as NonNullable<typeof filter> }),
    ...(sorts !== undefined && {
      sorts: sorts.map((sort) =>
        'property' in sort ? { ...sort, property: exactName(properties, sort.property)?.name ?? sort.property } : sort,
      ),
    }),
  }
}

function exactName(properties: readonly PropertySchema[], name: string): PropertySchema | undefined {
  const found = findProperty(properties, name)
  return found !== undefined && looksLike(found.name, name) ? found : undefined
}

function exactFilter(properties: readonly PropertySchema[], filter: unknown): unknown {
  if (!isObject(filter)) return filter
  const entries = Object.entries(filter)
  if (typeof filter.property !== 'string') {
    return Object.fromEntries(
      entries.map(([key, parts]) => [
        key,
        Array.isArray(parts) ? parts.map((part) => exactFilter(properties, part)) : parts,
      ]),
    )
  }
  const schema = findProperty(properties, filter.property)
  const name = exactName(properties, filter.property)?.name ?? filter.property
  const optionOf = (operand: unknown): unknown => {
    if (Array.isArray(operand)) return operand.map(optionOf)
    if (typeof operand !== 'string') return operand
    return named(schema?.options ?? [], operand)?.name ?? named(schema?.groups ?? [], operand)?.name ?? operand
  }
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (key === 'property') return [key, name]
      if (!optionTypes.has(key) || !isObject(value)) return [key, value]
      return [key, Object.fromEntries(Object.entries(value).map(([operator, one]) => [operator, optionOf(one)]))]
    }),
  )
}

function checkPart(properties: readonly PropertySchema[], filter: unknown, context: InputContext): void {
  if (!isObject(filter)) return
  for (const operator of ['and', 'or']) {
    const parts = filter[operator]
    if (!Array.isArray(parts)) continue
    for (const [index, part] of parts.entries()) checkPart(properties, part, under(under(context, operator), index))
    return
  }
  const { property } = filter
  if (typeof property !== 'string') return
  const schema = findProperty(properties, property)
  if (schema === undefined) {
    const instead = timestampInstead(property, (timestamp) => `{"timestamp": "${timestamp}", "${timestamp}": …}`)
    addIssue(under(context, 'property'), `${unknownProperty(properties, property)}${instead}`)
    return
  }
  const condition = Object.keys(filter).find((key) => key !== 'property' && key !== 'type')
  if (condition === undefined) return
  const at = under(context, condition)
  if (kinds[schema.type] !== undefined && !fits(condition, schema.type)) {
    addIssue(at, `must be {"${schema.type}": …}: "${schema.name}" is a ${schema.type} property, not ${condition}`)
  } else checkOptions(schema, filter[condition], at)
}

/** Conditions for all properties of their kind. The others are for properties of their own type. */
const wide = new Set(['rich_text', 'date', 'people', 'number'])

const fits = (condition: string, type: string) =>
  condition === type ||
  (kinds[condition] === kinds[type] && (wide.has(condition) || (condition === 'title' && type === 'rich_text')))

/** Returns how to use a time of the row itself, for an unknown property whose name suggests that it is meant. */
function timestampInstead(name: string, form: (timestamp: string) => string): string {
  const timestamp = /creat/i.test(name) ? 'created_time' : /edit|updat|modif/i.test(name) ? 'last_edited_time' : null
  return timestamp === null
    ? ''
    : `. For the ${timestamp} of the rows themselves pass ${form(timestamp)} without property`
}

/** The kind of each property type. */
const kinds = dictionary<string>({
  title: 'text',
  rich_text: 'text',
  url: 'text',
  email: 'text',
  phone_number: 'text',
  date: 'time',
  created_time: 'time',
  last_edited_time: 'time',
  people: 'person',
  created_by: 'person',
  last_edited_by: 'person',
  number: 'number',
  unique_id: 'number',
  checkbox: 'checkbox',
  files: 'files',
  relation: 'relation',
  select: 'select',
  multi_select: 'multi_select',
  status: 'status',
  verification: 'verification',
  formula: 'formula',
  rollup: 'rollup',
})

const optionTypes = new Set(['select', 'multi_select', 'status'])

// Notion refuses an unknown option as well, without a place and without the names. A status is also found by its group.
function checkOptions(schema: PropertySchema, condition: unknown, context: InputContext): void {
  if (!optionTypes.has(schema.type) || schema.options.length === 0 || !isObject(condition)) return
  for (const [operator, operand] of Object.entries(condition)) {
    const names = Array.isArray(operand) ? operand : [operand]
    for (const [index, name] of names.entries()) {
      if (typeof name !== 'string') continue
      const isKnown =
        named(schema.options, name) !== undefined ||
        withId(schema.options, name) !== undefined ||
        named(schema.groups, name) !== undefined
      const at = under(context, operator)
      if (!isKnown) addIssue(Array.isArray(operand) ? under(at, index) : at, unknownOption(schema, name, schema.groups))
    }
  }
}
