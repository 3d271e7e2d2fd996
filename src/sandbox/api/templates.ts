/**
 * Templates of data sources.
 *
 * @see https://developers.notion.com/reference/list-data-source-templates
 */
import type { CallContext } from '../context.ts'
import { objectNotFound, validationError } from '../errors.ts'
import type { DataSource, Page } from '../model.ts'
import { partOf } from '../render/lists.ts'
import { anyObject, oneOf } from '../validation/check.ts'
import { pagingOfQuery } from '../validation/paging.ts'
import { uuid } from '../validation/scalars.ts'
import { pathId } from './endpoint.ts'
import type { PagePlace } from './page-parents.ts'

/** A template to apply. A template without a page is empty. */
export interface Template {
  readonly page: Page | undefined
}

function find(context: CallContext, dataSource: DataSource, source: Record<string, unknown>): Template {
  const { templates } = dataSource
  if (source.type === 'default') {
    const found = templates.find(({ isDefault }) => isDefault)
    if (found === undefined) throw validationError('The data source has no default template.')
    return { page: context.store.pages.get(found.id) }
  }
  const id = uuid.read(source.template_id, 'body.template.template_id')
  const found = templates.find((template) => template.id === id)
  const page = context.store.pages.get(id)
  if (found === undefined && (page === undefined || !context.access.canSee(id))) {
    throw objectNotFound('page', id, context.access.client.name)
  }
  return { page }
}

/**
 * Returns the template in `body.template`, undefined if there is none. `place` is the parent of the page: only rows have
 * a default template. Throws 400 or 404 when the template does not exist.
 */
export function templateOf(context: CallContext, value: unknown, place: PagePlace): Template | undefined {
  if (value === undefined) return undefined
  const source = anyObject.read(value, 'body.template', ['`undefined`'])
  if (oneOf('none', 'default', 'template_id').read(source.type, 'body.template.type') === 'none') return undefined
  if (place.type === 'row') return find(context, place.dataSource, source)
  if (source.type === 'default') throw validationError('Only pages in a data source have a default template.')
  const id = uuid.read(source.template_id, 'body.template.template_id')
  return { page: context.access.requireVisible('page', id) }
}

/** `GET /v1/data_sources/{data_source_id}/templates`. */
export function listTemplates(context: CallContext): unknown {
  const { templates } = context.access.requireVisible('data source', pathId(context, 'data_source_id'))
  const wanted = context.query.get('name')?.toLowerCase()
  const found = templates.filter(({ name }) => wanted === undefined || name.toLowerCase().includes(wanted))
  const { elements, next } = partOf(found, pagingOfQuery(context, { zero: 'refuse' }), ({ id }) => id)
  return {
    templates: elements.map(({ id, name, isDefault }) => ({ id, name, is_default: isDefault })),
    has_more: next !== null,
    next_cursor: next,
  }
}
