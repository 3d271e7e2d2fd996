import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, under } from './rich-text.ts'

const conditions = new Set([
  'title',
  'rich_text',
  'number',
  'checkbox',
  'select',
  'multi_select',
  'status',
  'date',
  'people',
  'files',
  'url',
  'email',
  'phone_number',
  'relation',
  'created_by',
  'created_time',
  'last_edited_by',
  'last_edited_time',
  'formula',
  'unique_id',
  'rollup',
  'verification',
])

/** Checks the form of a filter of rows (https://developers.notion.com/reference/filter-data-source-entries). */
export function checkFilter(value: unknown, checking: Checking, depth = 0): void {
  if (!isObject(value)) {
    complain(checking, 'has to be a filter, such as {"property": "Status", "select": {"equals": "Done"}}')
    return
  }
  const group = ['and', 'or'].filter((key) => value[key] !== undefined)
  const [operator] = group
  if (operator !== undefined) {
    const parts = value[operator]
    const at = under(checking, operator)
    if (Object.keys(value).length > 1) complain(checking, `has to have "${operator}" alone`)
    if (depth >= 2) complain(checking, 'is nested deeper than the two levels that Notion takes')
    else if (!Array.isArray(parts)) complain(at, 'has to be a list of filters')
    else if (parts.length > 100) complain(at, `has ${parts.length} filters; Notion takes 100`)
    else parts.forEach((part, index) => void checkFilter(part, under(at, index), depth + 1))
    return
  }
  checkCondition(value, checking)
}

function checkCondition(filter: JsonObject, checking: Checking): void {
  const found = Object.keys(filter).filter((key) => conditions.has(key))
  const [condition] = found
  if (condition === undefined || found.length > 1) {
    complain(checking, `has to have one condition, named by the type of the property: ${[...conditions].join(', ')}`)
    return
  }
  const extra = Object.keys(filter).find((key) => key !== condition && !['property', 'timestamp', 'type'].includes(key))
  if (extra !== undefined) complain(under(checking, extra), 'is not known in a filter')
  if (!isObject(filter[condition]))
    complain(under(checking, condition), 'has to be an object, such as {"equals": "Done"}')
  if (filter.timestamp !== undefined) {
    if (filter.timestamp !== condition)
      complain(under(checking, 'timestamp'), `has to be "${condition}", as the condition is`)
  } else if (typeof filter.property !== 'string' || filter.property === '') {
    complain(under(checking, 'property'), 'has to name a property')
  }
}

/** Checks the form of the order of rows (https://developers.notion.com/reference/sort-data-source-entries). */
export function checkSorts(sorts: readonly JsonObject[], checking: Checking): readonly JsonObject[] {
  return sorts.map((sort, index) => {
    const at = under(checking, index)
    const direction = sort.direction ?? 'ascending'
    if (direction !== 'ascending' && direction !== 'descending') {
      complain(under(at, 'direction'), 'has to be ascending or descending')
    }
    const extra = Object.keys(sort).find((key) => !['property', 'timestamp', 'direction'].includes(key))
    if (extra !== undefined) complain(under(at, extra), 'is not known in a sort')
    if (typeof sort.property === 'string' && sort.property !== '') return { property: sort.property, direction }
    if (sort.timestamp === 'created_time' || sort.timestamp === 'last_edited_time')
      return { timestamp: sort.timestamp, direction }
    complain(at, 'has to name a property, or a timestamp (created_time, last_edited_time)')
    return {}
  })
}
