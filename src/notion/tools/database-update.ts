import type { UpdateDatabaseParameters } from '@notionhq/client'
import * as z from 'zod'
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
  replaceable,
  shortRichText,
} from '../input.ts'
import { changesOfDatabase, databaseKeys } from '../returned/databases.ts'
import { takingBack, unwrapped } from '../returned/facts.ts'
import { databaseOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** What a result may contain of what this tool takes. */
const resultKeys = [...['title', 'description', 'icon', 'cover', 'is_inline', 'is_locked', 'in_trash'], ...databaseKeys]

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
  input: takingBack(
    {
      database_id: idField('database'),
      title: clearableTextField(),
      description: clearableTextField(),
      icon: replaceable(iconField(), 'Emoji or image URL'),
      cover: replaceable(coverField(), 'Image URL'),
      is_inline: z.boolean().describe('Whether the database is shown inside its parent page').optional(),
      is_locked: z.boolean().describe('Whether it is locked in Notion’s editor').optional(),
      in_trash: z.boolean().describe('true moves it to the trash, false restores it').optional(),
    },
    databaseKeys,
  ),
  ...databaseOutput,
  run: (call, { database_id, ...input }) =>
    unwrapped(input, resultKeys, async (passed) => {
      const { input: changed, current } = await changesOfDatabase(call, database_id, passed)
      const { title, description, icon, cover, is_inline, is_locked, in_trash } = changed
      const flags = { is_inline, is_locked, in_trash }
      for (const [key, value] of Object.entries({ icon, cover })) {
        if (value === null) refuse(key, `must not be null: Notion’s API cannot remove the ${key} of a database`)
      }
      const body = checked((at) => ({
        ...(title !== undefined && { title: shortRichText(title ?? [], at('title')) }),
        ...(description !== undefined && { description: shortRichText(description ?? [], at('description')) }),
        // Unlike those of other operations, the SDK's types lack null here.
        ...(decorations({ icon, cover }, at) as Pick<UpdateDatabaseParameters, 'icon' | 'cover'>),
        ...Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)),
      }))
      if (Object.keys(body).length === 0) return current ?? refuse('', 'must contain something to change')
      const database = await onDatabase(call, database_id, (id) =>
        call.write((notion) => notion.databases.update({ database_id: id, ...body }), changing('database', id)),
      )
      call.schemas.forget(call.account, database.id)
      return database
    }),
})
