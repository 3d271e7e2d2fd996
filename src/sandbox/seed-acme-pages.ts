import type { BlockDraft, ContentBuilder } from './content-builder.ts'
import { heading, paragraph, textBlock, toDo } from './content-builder.ts'
import { acme, nthId, people } from './seed-ids.ts'

/** Writes pages that all members of the workspace may edit. */
export function writePages(build: ContentBuilder): void {
  const top = { type: 'workspace' } as const
  build.page({
    id: acme.roadmap,
    parent: top,
    title: 'Q3 roadmap',
    icon: '🗺️',
    body: [
      heading(1, 'Themes'),
      textBlock('numbered_list_item', 'Checkout without friction'),
      textBlock('numbered_list_item', 'Billing that adds up'),
      heading(1, 'Open questions'),
      toDo('Who owns the mobile app?', false),
      toDo('When is the freeze?', true),
    ],
  })
  build.page({
    id: acme.meetingNotes,
    parent: top,
    title: 'Meeting Notes',
    body: [
      heading(2, 'Weekly sync'),
      textBlock('bulleted_list_item', 'Roadmap review moves to Thursday'),
      textBlock('bulleted_list_item', 'Billing migration is on track', [
        textBlock('bulleted_list_item', 'Invoices of May are done'),
      ]),
      paragraph([
        { type: 'text', text: { content: 'Minutes by ' } },
        { type: 'mention', mention: { type: 'user', user: { id: people.acmeMember } } },
        { type: 'text', text: { content: ' in ' } },
        { type: 'text', text: { content: 'bold' }, annotations: { bold: true } },
        { type: 'text', text: { content: ' and with a ' } },
        { type: 'text', text: { content: 'link', link: { url: 'https://example.com/minutes' } } },
        { type: 'text', text: { content: '.' } },
      ]),
    ],
  })
  build.discussion({
    id: acme.meetingDiscussion,
    pageId: acme.meetingNotes,
    comments: [
      { id: nthId('ac3e0000', '8140', 1), by: people.acmeMember, text: 'Can we start ten minutes later?' },
      { id: nthId('ac3e0000', '8140', 2), by: people.acmeOwner, text: 'Yes, from next week on.' },
    ],
  })
  build.page({ id: acme.handbook, parent: top, title: 'Handbook', icon: '📘', body: handbookBody() })
  build.page({ id: acme.engineering, parent: top, title: 'Engineering', body: [paragraph('How we build.')] })
  build.page({
    id: acme.runbooks,
    parent: { type: 'page_id', id: acme.engineering },
    title: 'Runbooks',
    body: [paragraph('What to do at night.')],
  })
  build.page({
    id: acme.failover,
    parent: { type: 'page_id', id: acme.runbooks },
    title: 'Database failover',
    body: [
      { type: 'code', content: { rich_text: 'select pg_promote()', language: 'sql', caption: '' } },
      textBlock('quote', 'Breathe first.'),
    ],
  })
}

/**
 * Returns more than 100 blocks (a page of results), a text of more than 2000 characters, and four levels of nesting.
 */
function handbookBody(): BlockDraft[] {
  const sentence = 'Write down what you decided, why you decided it, and what would make you change your mind. '
  const chapters = Array.from({ length: 40 }, (_, index) => [
    heading(2, `Chapter ${index + 1}`),
    paragraph(sentence.repeat(3).trim()),
    textBlock('bulleted_list_item', `Rule ${index + 1}: keep it short`),
  ])
  const long: BlockDraft = paragraph(
    Array.from({ length: 2 }, () => ({ type: 'text' as const, text: { content: sentence.repeat(20) } })),
  )
  const nested = textBlock('toggle', 'Exceptions', [
    textBlock('bulleted_list_item', 'For releases', [
      textBlock('bulleted_list_item', 'For releases on a Friday', [paragraph('There are none.')]),
    ]),
  ])
  const table: BlockDraft = {
    type: 'table',
    content: { table_width: 2, has_column_header: true, has_row_header: false },
    children: [
      { type: 'table_row', content: { cells: ['Question', 'Ask'] } },
      { type: 'table_row', content: { cells: ['Money', 'Olivia'] } },
    ],
  }
  return [heading(1, 'How we work'), long, nested, table, { type: 'divider', content: {} }, ...chapters.flat()]
}

/** Writes pages with restricted access and a page in the trash. */
export function writeRestrictedPages(build: ContentBuilder): void {
  const top = { type: 'workspace' } as const
  const only = (userId: string) => ({ everyone: 'none', users: { [userId]: 'full' } }) as const
  build.page({
    id: acme.policies,
    parent: top,
    title: 'Company policies',
    access: { everyone: 'view', users: { [people.acmeOwner]: 'full' } },
    body: [paragraph('Be kind. Lock your screen.')],
  })
  build.page({
    id: acme.ownerPrivate,
    parent: top,
    title: 'Olivia’s private notes',
    access: only(people.acmeOwner),
    body: [paragraph('Gift ideas.')],
  })
  build.page({
    id: acme.memberPrivate,
    parent: top,
    title: 'Milo’s private notes',
    access: only(people.acmeMember),
    body: [paragraph('Training plan.')],
  })
  build.page({
    id: acme.boardMinutes,
    parent: top,
    title: 'Board minutes',
    access: only(people.acmeChair),
    body: [paragraph('Strictly confidential.')],
  })
  build.page({ id: acme.oldRoadmap, parent: top, title: 'Old roadmap', inTrash: true })
}
