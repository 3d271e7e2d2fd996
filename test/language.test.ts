import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'

interface Rule {
  readonly pattern: RegExp
  readonly instead: string
}

/** Words that the project does not use, each with its replacement. CONTRIBUTING.md has the rules of style. */
const rules: readonly Rule[] = [
  { pattern: /\banew\b/gi, instead: 'again; for ciphertexts: re-encrypt' },
  { pattern: /\b(whoever|nobody|somebody|everybody)\b/gi, instead: 'the caller, the user, no one, another process' },
  { pattern: /\b(told|tells)\b/gi, instead: 'returned, reported; reports, returns' },
  {
    pattern: /\b(program|server|service|process|message|error|answer|provider|Notion|it|which) says\b/gi,
    instead: 'reports, returns',
  },
  { pattern: /\bgives\b/gi, instead: 'returns' },
  { pattern: /\bbeside\b/gi, instead: 'next to, with' },
  { pattern: /\bin (the|its|their) place of\b/gi, instead: 'instead of' },
  {
    pattern: /(?<!\bthere )\b(is|are|was|were|be) no (?!longer\b|more\b|less\b|fewer\b|later\b|earlier\b|one\b)/gi,
    instead: 'is not a valid X, must be X',
  },
  { pattern: /(?<!\b[Tt]here )\b(is|are|was|were) none\b/g, instead: 'is not a valid X, is missing' },
  { pattern: /\b(has|have|had) to\b/gi, instead: 'must' },
  { pattern: /\b(most|longest|deepest|largest)[A-Z]\w*/g, instead: 'max*' },
  { pattern: /\b(MOST|LONGEST|DEEPEST|LARGEST)_\w+/g, instead: 'MAX_*' },
  { pattern: /\b(stands\b(?! for\b)|stood\b)/gi, instead: 'is active, status, state, is' },
  { pattern: /\bmend(s|ed|ing|able)?\b/gi, instead: 'fix, recover; operatorErrors' },
  { pattern: /(?<!-)\bkept\b/gi, instead: 'stored, held' },
  { pattern: /\bstrangers?\b|\bat the keyboard\b/gi, instead: 'a new user' },
  { pattern: /\bcome before\b/gi, instead: 'times out' },
  { pattern: /\bgo on behind\b/gi, instead: 'the cursor for the next page' },
  { pattern: /\w*(sighting|witness)\w*/gi, instead: 'observed objects, evidence' },
  { pattern: /\w*(keeper|rescue|judge)\w*/gi, instead: 'worker, recover, handle' },
  { pattern: /\bconsents? that (is |are )?wait(s|ing)?\b/gi, instead: 'pending authorization' },
  { pattern: /\b(outside|inside) of GraphQL\b/gi, instead: 'GraphQL name, internal value' },
  {
    pattern: /\b(GrantSight|seeGrant|whatStands|OneTimeText|isNoVisit|complain)\b/g,
    instead: 'GrantSnapshot, readGrant, reloadOutcome, OneTimeToken, isPrefetch, addIssue',
  },
]

const root = resolve(import.meta.dirname, '..')
/** Databases have run these migrations. They do not change, not even their comments. */
const releasedMigration = /^migrations\/000[1-6]_/

/** Prose and code that users and contributors read. Directories are read with everything below them. */
const checked = ['src', 'test', 'examples', 'clients', 'migrations', 'docs', '.github', 'schema.graphql']
const files = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...checked.flatMap((name) => (name.includes('.graphql') ? [name] : filesUnder(name))),
]
  .filter((name) => !releasedMigration.test(name) && name !== 'test/language.test.ts')
  .sort()

function filesUnder(folder: string): string[] {
  if (!existsSync(resolve(root, folder))) return []
  return readdirSync(resolve(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|tsx|sql|md|ya?ml|py)$/.test(name))
    .map((name) => `${folder}/${name}`)
}

function wordsIn(text: string): { line: number; word: string; instead: string }[] {
  return text
    .split('\n')
    .flatMap((content, index) =>
      rules.flatMap(({ pattern, instead }) =>
        [...content.matchAll(pattern)].map(([word]) => ({ line: index + 1, word, instead })),
      ),
    )
}

/** `src/accounts/grants/lease.ts` → `src/accounts`; files directly under `src/` count as `src`, root files by name. */
const folderOf = (file: string) => file.split('/').slice(0, -1).slice(0, 2).join('/') || file

it('uses no word that the list of words replaces', () => {
  const found = files.flatMap((file) =>
    wordsIn(readFileSync(resolve(root, file), 'utf8')).map((hit) => ({ file, ...hit })),
  )
  const counts = new Map<string, number>()
  for (const { file } of found) counts.set(folderOf(file), (counts.get(folderOf(file)) ?? 0) + 1)
  if (found.length === 0) return
  expect.fail(
    [
      `${found.length} words of the list in ${[...counts].map(([folder, count]) => `${folder}: ${count}`).join(', ')}`,
      ...found.map(({ file, line, word, instead }) => `${file}:${line}  "${word}"  instead: ${instead}`),
    ].join('\n'),
  )
})

it.each([
  'Seal it anew.',
  'Whoever opens the link',
  'the outcome is told as an error',
  'the server says so',
  'returns what Notion gives',
  '"Statu" is no property of this database',
  'are no ids',
  'It has to be a URL.',
  'const mostRows = 100',
  'const MOST_ROWS = 100',
  'as the account stands',
  'mendable',
  'values are kept for a day',
  'function judgeFailure() {}',
  'class RenewalKeeper {}',
])('finds a word in: %s', (text) => {
  expect(wordsIn(text)).not.toEqual([])
})

it.each([
  'The key is no longer valid.',
  'there is no limit',
  'if there is none',
  'It stands for a user.',
  'at most 100 rows, most recent first',
  'besides, a stand-in for a key service',
  'a recommended value',
  'a well-kept library',
])('accepts: %s', (text) => {
  expect(wordsIn(text)).toEqual([])
})
