import type { Id } from './model.ts'

/** Ids of the two workspaces. */
export const workspaces = {
  acme: 'ac3e0000-0000-4000-8000-000000000001',
  globex: '910be000-0000-4000-8000-000000000001',
} as const satisfies Record<string, Id>

/** Ids of the people. `acmeChair` is a member who cannot sign in. */
export const people = {
  acmeOwner: 'ac3e0000-0000-4000-8000-0000000000a1',
  acmeMember: 'ac3e0000-0000-4000-8000-0000000000a2',
  acmeChair: 'ac3e0000-0000-4000-8000-0000000000a3',
  globexOwner: '910be000-0000-4000-8000-0000000000a1',
  globexMember: '910be000-0000-4000-8000-0000000000a2',
} as const satisfies Record<string, Id>

/** Ids of content of the workspace Acme, in the order of the tree. */
export const acme = {
  /** "Product": contains the databases. */
  product: 'ac3e0000-0000-4000-8000-000000000100',
  /** "Projects": Name, Status, Due Date, Priority; twelve rows. */
  projects: '2561ab6c-418b-8072-beec-c4779fa811cf',
  projectsSource: '2561ab6c-418b-81b0-9d15-000bd4a2f3c7',
  /** "Customer research": a database with two data sources. */
  research: 'ac3e0000-0000-4000-8000-000000000110',
  interviewsSource: 'ac3e0000-0000-4000-8000-000000000111',
  surveysSource: 'ac3e0000-0000-4000-8000-000000000112',
  /** "Tasks": columns of the other types, with a relation to Projects, rollups and a formula. */
  tasks: 'ac3e0000-0000-4000-8000-000000000120',
  tasksSource: 'ac3e0000-0000-4000-8000-000000000121',
  /** Templates of Tasks. The first one is the default. */
  taskTemplate: 'ac3e0000-0000-4000-8000-000000000122',
  bugTemplate: 'ac3e0000-0000-4000-8000-000000000123',
  /** "Q3 roadmap": a page. */
  roadmap: 'ac3e0000-0000-4000-8000-000000000130',
  /** "Meeting Notes": a page with a discussion. */
  meetingNotes: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
  meetingDiscussion: 'ac3e0000-0000-4000-8000-000000000141',
  /** "Handbook": more than a hundred blocks, long text, deep nesting. */
  handbook: 'ac3e0000-0000-4000-8000-000000000150',
  /** "Engineering" -> "Runbooks" -> "Database failover". */
  engineering: 'ac3e0000-0000-4000-8000-000000000160',
  runbooks: 'ac3e0000-0000-4000-8000-000000000161',
  failover: 'ac3e0000-0000-4000-8000-000000000162',
  /** "Company policies": other members than the owner can only view it, and cannot share it. */
  policies: 'ac3e0000-0000-4000-8000-000000000170',
  /** Private pages of the two people who can sign in. */
  ownerPrivate: 'ac3e0000-0000-4000-8000-000000000180',
  memberPrivate: 'ac3e0000-0000-4000-8000-000000000181',
  /** "Board minutes": a page that is visible only to the chair. */
  boardMinutes: 'ac3e0000-0000-4000-8000-000000000190',
  /** "Old roadmap": in the trash. */
  oldRoadmap: 'ac3e0000-0000-4000-8000-0000000001a0',
} as const satisfies Record<string, Id>

/** Ids of content of the workspace Globex. */
export const globex = {
  home: '910be000-0000-4000-8000-000000000100',
  orders: '910be000-0000-4000-8000-000000000110',
  ordersSource: '910be000-0000-4000-8000-000000000111',
  roadmap: '910be000-0000-4000-8000-000000000120',
} as const satisfies Record<string, Id>

/** Returns the id of the n-th row, comment or block in a group. `group` is four hex digits. */
export const nthId = (prefix: 'ac3e0000' | '910be000', group: string, count: number): Id =>
  `${prefix}-0000-4000-${group}-${count.toString(16).padStart(12, '0')}`
