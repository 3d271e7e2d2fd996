/**
 * Property values in responses.
 *
 * @see https://developers.notion.com/reference/page-property-values
 */
import type { CallContext } from '../context.ts'
import type { Id, Json, JsonObject, Page, PropertySchema, StoredRichText } from '../model.ts'
import { dateCell, idsCell, timeCell } from '../query/cells.ts'
import { asIds, asObject, encodedId, optionsOf } from '../query/columns.ts'
import { createEvaluation } from '../query/computed.ts'
import type { Evaluation, FormulaResult, Rollup } from '../query/evaluation.ts'
import { fileName, renderFile } from './files.ts'
import { timestamp } from './frame.ts'
import { renderRichText } from './rich-text.ts'
import { partialUser, renderUserValue } from './users.ts'

/** Returns the evaluation of formulas and rollups for a call. */
export function evaluationOf(context: CallContext): Evaluation {
  return createEvaluation(context.store, context.now().getTime())
}

/** Returns the related pages that are visible to the connection. Notion omits the others. */
export function visibleRelations(context: CallContext, column: PropertySchema, page: Page): Id[] {
  return asIds(page.properties[column.id]).filter((id) => {
    const related = context.store.pages.get(id)
    return related !== undefined && !related.inTrash && context.access.canSee(id)
  })
}

/** Returns rich text up to mention `max`, as Notion does in page objects. */
function cutAtReferences(stored: StoredRichText, max: number): StoredRichText {
  if (typeof stored === 'string') return stored
  let mentions = 0
  const end = stored.findIndex((item) => {
    if (item.type === 'mention') mentions += 1
    return mentions > max
  })
  return end < 0 ? stored : stored.slice(0, end)
}

function option(column: PropertySchema, id: Json | undefined): JsonObject | null {
  const found = optionsOf(column).find((candidate) => candidate.id === id)
  return found === undefined ? null : { id: found.id, name: found.name, color: found.color }
}

/** Returns the stored rich text of a title or rich text column. */
export function storedText(column: PropertySchema, page: Page): StoredRichText {
  return (page.properties[column.id] ?? '') as StoredRichText
}

function formula(result: FormulaResult): JsonObject {
  return { type: result.type, [result.type]: result.value as Json }
}

/** Returns a rollup with at most `max` elements. */
export function renderRollup(
  context: CallContext,
  column: PropertySchema,
  rollup: Rollup,
  max: number,
  evaluation: Evaluation = evaluationOf(context),
): JsonObject {
  const name = column.config.function ?? null
  switch (rollup.type) {
    case 'number':
      return { type: 'number', number: rollup.number, function: name }
    case 'date':
      return { type: 'date', date: rollup.date as Json, function: name }
    case 'array': {
      const elements = rollup.elements.slice(0, max)
      const array = elements.map((element) => renderValue(context, element.column, element.page, evaluation))
      return { type: 'array', array, function: name }
    }
  }
}

function verification(value: Json | undefined): JsonObject {
  const { state, date, verified_by } = asObject(value)
  if (state !== 'verified' && state !== 'expired') return { state: 'unverified', date: null, verified_by: null }
  const by = typeof verified_by === 'string' ? partialUser(verified_by) : null
  return { state, date: date ?? null, verified_by: by }
}

/** Returns the JSON under the key of the type. Returns undefined when the type has no values in responses. */
export function renderContent(
  context: CallContext,
  column: PropertySchema,
  page: Page,
  evaluation: Evaluation,
): Json | undefined {
  const value = page.properties[column.id]
  const max = context.limits.referencesPerProperty
  switch (column.type) {
    case 'title':
    case 'rich_text':
      return renderRichText(context, cutAtReferences(storedText(column, page), max))
    case 'number':
      return typeof value === 'number' ? value : null
    case 'checkbox':
      return value === true
    case 'url':
    case 'email':
    case 'phone_number':
      return typeof value === 'string' && value !== '' ? value : null
    case 'select':
    case 'status':
      return option(column, value)
    case 'multi_select':
      return asIds(value).flatMap((id) => option(column, id) ?? [])
    case 'date':
      return (dateCell(column, page) ?? null) as unknown as Json
    case 'people':
      return idsCell(column, page)
        .slice(0, max)
        .map((id) => renderUserValue(context, id))
    case 'relation':
      return visibleRelations(context, column, page)
        .slice(0, max)
        .map((id) => ({ id }))
    case 'files':
      return (Array.isArray(value) ? (value as readonly JsonObject[]) : []).map((file) => ({
        name: fileName(context, file),
        ...renderFile(context, file),
      }))
    case 'formula':
      return formula(evaluation.formula(column, page))
    case 'rollup':
      return renderRollup(context, column, evaluation.rollup(column, page), max, evaluation)
    case 'unique_id':
      return { prefix: column.config.prefix ?? null, number: typeof value === 'number' ? value : null }
    case 'created_time':
    case 'last_edited_time':
      return timestamp(timeCell(column, page))
    case 'created_by':
    case 'last_edited_by':
      return renderUserValue(context, idsCell(column, page)[0] ?? '')
    case 'verification':
      return verification(value)
    case 'place':
      return value ?? null
    case 'button':
      return {}
    default:
      return undefined
  }
}

/** Returns a value without an id, as in the array of a rollup. */
function renderValue(context: CallContext, column: PropertySchema, page: Page, evaluation: Evaluation): JsonObject {
  const content = renderContent(context, column, page, evaluation)
  return { type: column.type, [column.type]: content ?? null }
}

/** Returns a property of a page object. Returns undefined when its type has no values in responses. */
export function renderProperty(
  context: CallContext,
  column: PropertySchema,
  page: Page,
  evaluation: Evaluation,
): JsonObject | undefined {
  const content = renderContent(context, column, page, evaluation)
  if (content === undefined) return undefined
  const value = { id: encodedId(column), type: column.type, [column.type]: content }
  if (column.type !== 'relation') return value
  return { ...value, has_more: visibleRelations(context, column, page).length > context.limits.referencesPerProperty }
}
