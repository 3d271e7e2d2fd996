import type { UpdateDatabaseParameters } from '@notionhq/client'
import { z } from 'zod'
import { changing } from '../call.ts'
import { onDatabase } from '../data-sources.ts'
import {
  checked,
  clearableTextField,
  coverField,
  decorations,
  iconField,
  idField,
  refuse,
  removable,
  shortRichText,
} from '../input.ts'
import { databaseOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/update-a-database */
export const databaseUpdate = notionTool({
  name: 'notion_database_update',
  title: 'Update a database',
  description:
    'Change the title, description, icon, cover or layout of a database, or move it to the trash or restore it. To change properties, call notion_data_source_update.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    database_id: idField('database'),
    title: clearableTextField(),
    description: clearableTextField(),
    icon: removable(iconField(), 'Emoji or image URL'),
    cover: removable(coverField(), 'Image URL'),
    is_inline: z.boolean().describe('Whether the database is shown inside its parent page').optional(),
    is_locked: z.boolean().describe('Whether it is locked in Notion’s editor').optional(),
    in_trash: z.boolean().describe('true moves it to the trash, false restores it').optional(),
  }),
  ...databaseOutput,
  async run(call, { database_id, title, description, icon, cover, ...flags }) {
    const body = checked((at) => ({
      ...(title !== undefined && { title: shortRichText(title ?? [], at('title')) }),
      ...(description !== undefined && { description: shortRichText(description ?? [], at('description')) }),
      // The SDK's types of this one operation lack null, by which Notion removes an icon or cover.
      ...(decorations({ icon, cover }, at) as Pick<UpdateDatabaseParameters, 'icon' | 'cover'>),
      ...Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)),
    }))
    if (Object.keys(body).length === 0) refuse('', 'must contain something to change')
    const database = await onDatabase(call, database_id, (id) =>
      call.write((notion) => notion.databases.update({ database_id: id, ...body }), changing('database', id)),
    )
    call.schemas.forget(call.account, database.id)
    return database
  },
})
