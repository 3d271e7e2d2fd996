import type { ContentBuilder } from './content-builder.ts'
import { column, heading, optionColumn, optionId, paragraph, textBlock, toDo } from './content-builder.ts'
import { acme, nthId, people } from './seed-ids.ts'

const notStarted = optionId('stat', 1)
const inProgress = optionId('stat', 2)
const done = optionId('stat', 3)
const high = optionId('prio', 1)
const medium = optionId('prio', 2)
const low = optionId('prio', 3)

/** Name, status, due date, priority. Due dates include equal and empty ones to exercise sorting. */
const projectRows: readonly (readonly [name: string, status: string, due: string | null, priority: string])[] = [
  ['Q3 roadmap draft', done, '2026-06-12', high],
  ['Q3 roadmap review with sales', inProgress, '2026-07-08', high],
  ['Q3 roadmap announcement', notStarted, '2026-07-31', medium],
  ['Checkout redesign', inProgress, '2026-08-14', high],
  ['Mobile push notifications', notStarted, '2026-09-01', medium],
  ['Billing migration', inProgress, '2026-07-08', high],
  ['Onboarding e-mails', done, '2026-06-02', low],
  ['Accessibility audit', notStarted, '2026-10-15', medium],
  ['Status page', done, '2026-05-20', low],
  ['Data retention policy', notStarted, null, medium],
  ['Hiring plan', inProgress, '2026-11-30', low],
  ['Customer advisory board', notStarted, '2026-12-04', high],
]

const projectRowId = (count: number) => nthId('ac3e0000', '8101', count)

/** Writes the database Projects. */
export function writeProjects(build: ContentBuilder): void {
  build.database({
    id: acme.projects,
    parent: { type: 'page_id', id: acme.product },
    title: 'Projects',
    sources: [
      {
        id: acme.projectsSource,
        name: 'Projects',
        properties: [
          column('title', 'Name', 'title'),
          optionColumn('stat', 'Status', 'select', [
            ['Not Started', 'gray'],
            ['In Progress', 'blue'],
            ['Done', 'green'],
          ]),
          column('dued', 'Due Date', 'date'),
          optionColumn('prio', 'Priority', 'select', [
            ['High', 'red'],
            ['Medium', 'yellow'],
            ['Low', 'gray'],
          ]),
        ],
      },
    ],
  })
  projectRows.forEach(([name, status, due, priority], index) => {
    build.row({
      id: projectRowId(index + 1),
      dataSourceId: acme.projectsSource,
      values: {
        title: name,
        stat: status,
        dued: due === null ? null : { start: due, end: null, time_zone: null },
        prio: priority,
      },
      body:
        index === 0
          ? [heading(2, 'Goals'), textBlock('bulleted_list_item', 'One page that the whole team has read')]
          : [],
    })
  })
}

const interviewId = (count: number) => nthId('ac3e0000', '8111', count)

/** Writes the database Customer research, which has two data sources. */
export function writeResearch(build: ContentBuilder): void {
  build.database({
    id: acme.research,
    parent: { type: 'page_id', id: acme.product },
    title: 'Customer research',
    sources: [
      {
        id: acme.interviewsSource,
        name: 'Interviews',
        properties: [
          column('title', 'Customer', 'title'),
          column('held', 'Held on', 'date'),
          column('summ', 'Summary', 'rich_text'),
        ],
      },
      {
        id: acme.surveysSource,
        name: 'Surveys',
        properties: [column('title', 'Survey', 'title'), column('resp', 'Responses', 'number', { format: 'number' })],
      },
    ],
  })
  const customers = ['Initech', 'Umbrella', 'Hooli']
  customers.forEach((customer, index) => {
    build.row({
      id: interviewId(index + 1),
      dataSourceId: acme.interviewsSource,
      values: {
        title: `Interview with ${customer}`,
        held: { start: `2026-06-${10 + index}`, end: null, time_zone: null },
        summ: `${customer} wants exports.`,
      },
    })
  })
  build.row({
    id: nthId('ac3e0000', '8112', 1),
    dataSourceId: acme.surveysSource,
    values: { title: 'Pricing survey', resp: 214 },
  })
}

/** Writes the database Tasks with columns of nearly all types and a relation to Projects. */
export function writeTasks(build: ContentBuilder): void {
  build.database({
    id: acme.tasks,
    parent: { type: 'page_id', id: acme.product },
    title: 'Tasks',
    sources: [
      {
        id: acme.tasksSource,
        name: 'Tasks',
        properties: [
          column('title', 'Task', 'title'),
          column('stts', 'State', 'status', {
            options: [
              { id: 'stts-1', name: 'To do', color: 'default', description: null },
              { id: 'stts-2', name: 'Doing', color: 'blue', description: null },
              { id: 'stts-3', name: 'Done', color: 'green', description: null },
            ],
            groups: [
              { id: 'stts-g1', name: 'To-do', color: 'gray', option_ids: ['stts-1'] },
              { id: 'stts-g2', name: 'In progress', color: 'blue', option_ids: ['stts-2'] },
              { id: 'stts-g3', name: 'Complete', color: 'green', option_ids: ['stts-3'] },
            ],
          }),
          optionColumn('tags', 'Tags', 'multi_select', [
            ['backend', 'purple'],
            ['frontend', 'pink'],
            ['writing', 'brown'],
          ]),
          column('hour', 'Hours', 'number', { format: 'number' }),
          column('bill', 'Billable', 'checkbox'),
          column('assi', 'Assignee', 'people'),
          column('note', 'Notes', 'rich_text'),
          column('link', 'Link', 'url'),
          column('cont', 'Contact', 'email'),
          column('phon', 'Phone', 'phone_number'),
          column('file', 'Files', 'files'),
          column('proj', 'Project', 'relation', {
            data_source_id: acme.projectsSource,
            type: 'single_property',
            single_property: {},
          }),
          column('pdue', 'Project due', 'rollup', {
            relation_property_name: 'Project',
            relation_property_id: 'proj',
            rollup_property_name: 'Due Date',
            rollup_property_id: 'dued',
            function: 'latest_date',
          }),
          column('pcnt', 'Project count', 'rollup', {
            relation_property_name: 'Project',
            relation_property_id: 'proj',
            rollup_property_name: 'Name',
            rollup_property_id: 'title',
            function: 'count',
          }),
          column('cost', 'Cost', 'formula', { expression: 'prop("Hours") * 100' }),
          column('numb', 'Number', 'unique_id', { prefix: 'TASK' }),
          column('ctim', 'Created', 'created_time'),
          column('cby_', 'Created by', 'created_by'),
          column('etim', 'Edited', 'last_edited_time'),
          column('eby_', 'Edited by', 'last_edited_by'),
        ],
      },
    ],
  })
  const names = ['Write the roadmap', 'Collect feedback', 'Move invoices', 'Draw the checkout', 'Check contrast']
  names.forEach((name, index) => {
    const position = index + 1
    build.row({
      id: nthId('ac3e0000', '8121', position),
      dataSourceId: acme.tasksSource,
      values: {
        title: name,
        stts: `stts-${(index % 3) + 1}`,
        tags: index === 0 ? [optionId('tags', 3)] : [optionId('tags', 1), optionId('tags', 2)],
        hour: position * 1.5,
        bill: index % 2 === 0,
        assi: [index % 2 === 0 ? people.acmeOwner : people.acmeMember],
        note: index === 4 ? '' : `Notes on task ${position}`,
        link: index === 0 ? 'https://example.com/roadmap' : null,
        cont: index === 1 ? 'customer@example.com' : null,
        phon: index === 1 ? '+1 555 0100' : null,
        file:
          index === 3
            ? [{ name: 'sketch.png', type: 'external', external: { url: 'https://example.com/sketch.png' } }]
            : [],
        proj: [projectRowId(position), ...(index === 0 ? [projectRowId(2)] : [])],
      },
    })
  })
}

/** Writes the templates of the database Tasks, one of which is the default. */
export function writeTaskTemplates(build: ContentBuilder): void {
  build.template({
    id: acme.taskTemplate,
    dataSourceId: acme.tasksSource,
    name: 'New task',
    isDefault: true,
    body: [heading(2, 'Done when'), toDo('A colleague has looked at it', false)],
  })
  build.template({
    id: acme.bugTemplate,
    dataSourceId: acme.tasksSource,
    name: 'Bug report',
    isDefault: false,
    body: [heading(2, 'What happened'), paragraph(''), heading(2, 'What should have happened'), paragraph('')],
  })
}

/** Writes the notes of a recorded interview, a type of block that the API cannot create. */
export function writeRecordedInterview(build: ContentBuilder): void {
  build.content({
    pageId: interviewId(1),
    body: [
      {
        type: 'meeting_notes',
        content: {
          title: 'Interview with Initech',
          status: 'notes_ready',
          calendar_event: {
            start_time: '2026-06-10T09:00:00.000Z',
            end_time: '2026-06-10T09:30:00.000Z',
            attendees: [people.acmeOwner, people.acmeMember],
          },
        },
        children: [paragraph('They copy numbers by hand every month.'), paragraph('Exports would save them a day.')],
      },
    ],
  })
}
