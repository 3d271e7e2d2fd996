import type { QueryDataSourceParameters } from '@notionhq/client'
import type { InputIssue } from '../errors.ts'
import { isObject } from './json.ts'
import { addIssue, collectIssues, type InputContext, under } from './rich-text.ts'
import { unknownOption, unknownProperty } from './rows.ts'
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
      addIssue({ path: `sorts.${index}.property`, issues }, unknownProperty(properties, sort.property))
    }
  }).issues
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
    addIssue(under(context, 'property'), unknownProperty(properties, property))
    return
  }
  const condition = Object.keys(filter).find((key) => key !== 'property' && key !== 'type')
  if (condition === undefined) return
  const at = under(context, condition)
  if (kinds[schema.type] !== undefined && kinds[condition] !== kinds[schema.type]) {
    addIssue(at, `must be {"${schema.type}": …}: "${schema.name}" is a ${schema.type} property, not ${condition}`)
  } else checkOptions(schema, filter[condition], at)
}

/** The kind of each property type. A condition fits the properties whose type has the same kind. */
const kinds: Readonly<Record<string, string>> = {
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
}

const optionTypes = new Set(['select', 'multi_select', 'status'])

// For an unknown option Notion returns no rows instead of an error, which a model would take for the result.
function checkOptions(schema: PropertySchema, condition: unknown, context: InputContext): void {
  if (!optionTypes.has(schema.type) || schema.options.length === 0 || !isObject(condition)) return
  for (const [operator, operand] of Object.entries(condition)) {
    if (typeof operand !== 'string') continue
    const known = schema.options.some(({ id, name }) => name === operand || id === operand)
    if (!known) addIssue(under(context, operator), unknownOption(schema, operand))
  }
}
