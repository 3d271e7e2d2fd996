import type { Client } from '@notionhq/client'
import * as z from 'zod'
import { rereadCreated } from '../call.ts'
import { idField, refuse } from '../input.ts'
import { blockOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

type NewNotes = Parameters<Client['blocks']['meetingNotes']['create']>[0]

const languages = [
  ...(['auto', 'en', 'zh-CN', 'zh-TW', 'es', 'fr', 'de', 'ja', 'ko', 'pt', 'ru', 'th', 'vi', 'id'] as const),
  ...(['da', 'fi', 'no', 'nl', 'it', 'sv', 'ar', 'he', 'pl'] as const),
] as const

/** https://developers.notion.com/reference/create-a-meeting-note */
export const meetingNoteCreate = notionTool({
  name: 'notion_meeting_note_create',
  title: 'Create meeting notes',
  description:
    'Let Notion transcribe and summarize a recording. Pass block_id, or file_upload_id and page_id. Call notion_block_fetch until status is notes_ready.',
  readOnly: false,
  capability: 'INSERT_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    block_id: idField('block', 'Audio or video block').optional(),
    file_upload_id: idField('file_upload', 'Uploaded recording').optional(),
    page_id: idField('page', 'Page for the notes of an upload').optional(),
    title: z.string().max(2000).describe('Title of the notes').optional(),
    // As a string in the definitions, since the list of languages is long.
    language: z
      .string()
      .refine((value) => (languages as readonly string[]).includes(value), {
        message: `must be one of: ${languages.join(', ')}`,
      })
      .describe('Spoken language, such as en; auto if omitted')
      .optional(),
    summarize: z.boolean().describe('false transcribes only').optional(),
  }),
  ...blockOutput,
  run(call, { block_id, file_upload_id, page_id, title, language, summarize }) {
    if ((block_id === undefined) === (file_upload_id === undefined)) {
      const path = block_id === undefined ? 'block_id' : 'file_upload_id'
      refuse(path, 'exactly one of block_id and file_upload_id is required')
    }
    if ((page_id === undefined) !== (file_upload_id === undefined)) {
      refuse('page_id', page_id === undefined ? 'is required with file_upload_id' : 'must not be passed with block_id')
    }
    const source =
      block_id === undefined
        ? { source: { type: 'file_upload', file_upload_id }, parent: { type: 'page_id', page_id } }
        : { source: { type: 'block', block_id } }
    const body = {
      ...source,
      ...(title !== undefined && { title }),
      ...(language !== undefined && { language }),
      ...(summarize !== undefined && { options: { kickoff_summary: summarize } }),
    } as NewNotes
    return call.write((notion) => notion.blocks.meetingNotes.create(body), {
      target: block_id === undefined ? { id: page_id ?? '', kind: 'page' } : { id: block_id, kind: 'block' },
      names: {
        'source.block_id': 'block_id',
        'source.file_upload_id': 'file_upload_id',
        'parent.page_id': 'page_id',
        'options.kickoff_summary': 'summarize',
      },
      place: block_id === undefined ? 'file_upload_id' : 'block_id',
      reread: rereadCreated('block'),
    })
  },
})
