import type { InputIssue } from '../errors.ts'
import type { PropertySchema } from './data-sources.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, under } from './rich-text.ts'
import { unknownColumn, unknownOption } from './rows.ts'

/** What rows are to be asked for, its form checked before. */
export interface RowConditions {
  readonly filter?: JsonObject
  readonly sorts?: readonly JsonObject[]
}

/** The column of a name or id; `title` is the title, whatever that is called. */
export function columnNamed(columns: readonly PropertySchema[], name: string): PropertySchema | undefined {
  return (
    columns.find((column) => column.name === name) ??
    columns.find((column) => column.id === name || column.id === encodeURIComponent(name)) ??
    (name === 'title' ? columns.find((column) => column.type === 'title') : undefined)
  )
}

/** Whether conditions speak of columns at all: without one there is nothing to check. */
export function nameColumns({ filter, sorts = [] }: RowConditions): boolean {
  return filter !== undefined || sorts.some((sort) => sort.property !== undefined)
}

/** What does not fit the columns: names that no column has, conditions of another type, options that do not exist. */
export function conditionIssues(columns: readonly PropertySchema[], conditions: RowConditions): readonly InputIssue[] {
  const issues: InputIssue[] = []
  if (conditions.filter !== undefined) checkPart(columns, conditions.filter, { path: 'filter', issues })
  for (const [index, { property }] of (conditions.sorts ?? []).entries()) {
    if (typeof property !== 'string' || columnNamed(columns, property) !== undefined) continue
    complain({ path: `sorts.${index}.property`, issues }, `"${property}" ${unknownColumn(columns, property)}`)
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
  const column = columnNamed(columns, property)
  if (column === undefined) {
    complain(under(checking, 'property'), `"${property}" ${unknownColumn(columns, property)}`)
    return
  }
  const condition = Object.keys(filter).find((key) => key !== 'property' && key !== 'type')
  if (condition === undefined) return
  const at = under(checking, condition)
  if (kinds[column.type] !== undefined && kinds[condition] !== kinds[column.type]) {
    complain(at, `"${column.name}" is a ${column.type} property, not ${condition}: pass {"${column.type}": …}`)
  } else checkOptions(column, filter[condition], at)
}

/** Conditions of one kind are taken for columns of the others of it. */
const kinds: Readonly<Record<string, string>> = {
  ...{ title: 'text', rich_text: 'text', url: 'text', email: 'text', phone_number: 'text' },
  ...{ date: 'time', created_time: 'time', last_edited_time: 'time' },
  ...{ people: 'person', created_by: 'person', last_edited_by: 'person' },
  ...{ number: 'number', unique_id: 'number', checkbox: 'checkbox', files: 'files', relation: 'relation' },
  ...{ select: 'select', multi_select: 'multi_select', status: 'status', verification: 'verification' },
  ...{ formula: 'formula', rollup: 'rollup' },
}

const optionTypes = new Set(['select', 'multi_select', 'status'])

// Notion finds no row for an option that it does not know, which a model takes for an answer.
function checkOptions(column: PropertySchema, condition: unknown, checking: Checking): void {
  if (!optionTypes.has(column.type) || column.options.length === 0 || !isObject(condition)) return
  for (const [operator, operand] of Object.entries(condition)) {
    if (typeof operand !== 'string') continue
    const known = column.options.some(({ id, name }) => name === operand || id === operand)
    if (!known) complain(under(checking, operator), unknownOption(column, operand))
  }
}
