import type { UpdatePageParameters } from '@notionhq/client'
import * as z from 'zod'
import { changing } from '../call.ts'
import { checked, coverField, decorations, iconField, idField, objectField, refuse, removable } from '../input.ts'
import { withPageProperties } from '../page-writing.ts'
import { changesOf } from '../returned/pages.ts'
import { pageOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/patch-page */
export const pageUpdate = notionTool({
  name: 'notion_page_update',
  title: 'Update a page',
  description:
    'Change the properties, icon, cover or lock of a page or row, or apply a template. For rows, call notion_database_fetch first to get property names.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    page_id: idField('page'),
    properties: objectField('New values by property name, such as {"Stage":"Done"}; null clears a value').optional(),
    icon: removable(iconField(), 'Emoji or image URL'),
    cover: removable(coverField(), 'Image URL'),
    is_locked: z.boolean().describe('Whether it is locked in Notion’s editor').optional(),
    template_id: idField('template', 'ID of a template. Call notion_template_list to list templates').optional(),
  }),
  ...pageOutput,
  async run(call, { page_id, template_id, ...passed }) {
    const { input, current } = await changesOf(call, page_id, passed)
    const { properties } = input
    const body: Omit<UpdatePageParameters, 'page_id'> = {
      ...checked((at) => decorations(input, at)),
      ...(input.is_locked !== undefined && { is_locked: input.is_locked }),
      ...(template_id !== undefined && { template: { type: 'template_id', template_id } }),
    }
    if (properties === undefined && Object.keys(body).length === 0)
      return current ?? refuse('', 'must contain something to change')
    const update = (change: typeof body) =>
      call.write((notion) => notion.pages.update({ page_id, ...change }), changing('page', page_id))
    if (properties === undefined) return update(body)
    return withPageProperties(call, page_id, properties, (checkedValues) =>
      update({ ...body, properties: checkedValues }),
    )
  },
})
