import type { QueryMeetingNotesParameters } from '@notionhq/client'
import * as z from 'zod'
import { isDate } from '../dates.ts'
import { checked, idField } from '../input.ts'
import { flagAt } from '../json.ts'
import { addIssue } from '../rich-text.ts'
import { listBody } from '../shape/lists.ts'
import { blocksOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'

const day = (description: string) => z.string().max(100).describe(description).optional()

const condition = (property: string, operator: string, value: unknown) => ({
  property,
  filter: { operator, value: { type: 'exact', value } },
})

const date = (value: string) => ({ type: 'date', start_date: value })

const isDay = (text: string) => text.length === 10 && isDate(text)
const dayRule = 'must be a date without a time, such as 2026-07-01'

/** https://developers.notion.com/reference/query-meeting-notes */
export const meetingNoteQuery = notionTool({
  name: 'notion_meeting_note_query',
  title: 'Find meeting notes',
  description:
    'List AI meeting notes of meetings that the user attended. Call notion_block_list with an ID to read the notes.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: [],
  input: z.strictObject({
    title: z.string().min(1).max(2000).describe('Words that the title contains').optional(),
    attendee_id: idField('user', 'User ID of an attendee').optional(),
    created_on_or_after: day('Date, such as 2026-07-01'),
    created_on_or_before: day('Date, such as 2026-07-31'),
    order: z.enum(['newest', 'oldest']).describe('By time of creation').default('newest'),
    limit: z.int().min(1).max(50).describe('Up to 50 results').default(20),
  }),
  ...blocksOutput,
  output: listBody,
  async run(call, input) {
    const { title, attendee_id, created_on_or_after: from, created_on_or_before: to, order, limit } = input
    checked((at) => {
      if (from !== undefined && !isDay(from)) addIssue(at('created_on_or_after'), dayRule)
      if (to !== undefined && !isDay(to)) addIssue(at('created_on_or_before'), dayRule)
    })
    const filters = [
      ...(title === undefined ? [] : [condition('title', 'string_contains', title)]),
      ...(attendee_id === undefined
        ? []
        : [
            {
              property: 'attendees',
              filter: {
                operator: 'person_contains',
                value: [{ type: 'exact', value: { table: 'notion_user', id: attendee_id } }],
              },
            },
          ]),
      ...(from === undefined ? [] : [condition('created_time', 'date_is_on_or_after', date(from))]),
      ...(to === undefined ? [] : [condition('created_time', 'date_is_on_or_before', date(to))]),
    ]
    const query = {
      ...(filters.length > 0 && { filter: { operator: 'and', filters } }),
      sort: [{ property: 'created_time', direction: order === 'newest' ? 'descending' : 'ascending' }],
      limit,
    } as QueryMeetingNotesParameters
    const body = await call.read((notion) => notion.blocks.meetingNotes.query(query))
    // Notion has no cursor for this list: a narrower range of dates reads on.
    return { object: 'list', ...body, next_cursor: null, has_more: flagAt(body, 'has_more') }
  },
})
