import type { QueryDataSourceParameters } from '@notionhq/client'
import type { InputIssue } from '../errors.ts'
import { isObject } from './json.ts'
import { type Checking, complain, under } from './rich-text.ts'
import { unknownOption, unknownProperty } from './rows.ts'
import { findProperty, type PropertySchema } from './schema-cache.ts'

/** Filter and sorts of a query, whose form is checked before. */
export type RowConditions = Pick<QueryDataSourceParameters, 'filter' | 'sorts'>

/** Whether conditions name properties: otherwise there is nothing to check. */
export function nameColumns({ filter, sorts = [] }: RowConditions): boolean {
  return filter !== undefined || sorts.some((sort) => 'property' in sort)
}

/** Returns what does not fit the properties: unknown names, conditions of another type, unknown options. */
export function conditionIssues(columns: readonly PropertySchema[], conditions: RowConditions): readonly InputIssue[] {
  const issues: InputIssue[] = []
  if (conditions.filter !== undefined) checkPart(columns, conditions.filter, { path: 'filter', issues })
  for (const [index, sort] of (conditions.sorts ?? []).entries()) {
    if (!('property' in sort) || findProperty(columns, sort.property) !== undefined) continue
    complain({ path: `sorts.${index}.property`, issues }, unknownProperty(columns, sort.property))
  }
  return issues
}

function checkPart(columns: readonly PropertySchema[], filter: unknown, checking: Checking): void {
  if (!isObject(filter)) return
  for (const operator of ['and', 'or']) {
    const parts = filter[operator]
    if (!Array.isArray(parts)) continue
    for (const [index, part] of parts.entries()) checkPart(columns, part, under(under(checking, operator), index))
    return
  }
  const { property } = filter
  if (typeof property !== 'string') return
  const column = findProperty(columns, property)
  if (column === undefined) {
    complain(under(checking, 'property'), unknownProperty(columns, property))
    return
  }
  const condition = Object.keys(filter).find((key) => key !== 'property' && key !== 'type')
  if (condition === undefined) return
  const at = under(checking, condition)
  if (kinds[column.type] !== undefined && kinds[condition] !== kinds[column.type]) {
    complain(at, `must be {"${column.type}": …}: "${column.name}" is a ${column.type} property, not ${condition}`)
  } else checkOptions(column, filter[condition], at)
}

/** A condition is accepted for the properties of its kind. */
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

// Notion returns no rows for an unknown option, which a model would take for an answer.
function checkOptions(column: PropertySchema, condition: unknown, checking: Checking): void {
  if (!optionTypes.has(column.type) || column.options.length === 0 || !isObject(condition)) return
  for (const [operator, operand] of Object.entries(condition)) {
    if (typeof operand !== 'string') continue
    const known = column.options.some(({ id, name }) => name === operand || id === operand)
    if (!known) complain(under(checking, operator), unknownOption(column, operand))
  }
}
