import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { isUuid } from '../../src/uuid.ts'

it('accepts UUIDs in the form in which Postgres prints them', () => {
  expect([randomUUID(), '00000000-0000-0000-0000-000000000000'].map(isUuid)).toEqual([true, true])
})

it.each([
  ['upper case', randomUUID().toUpperCase()],
  ['no hyphens', randomUUID().replaceAll('-', '')],
  ['braces', `{${randomUUID()}}`],
  ['a line break at the end', `${randomUUID()}\n`],
  ['the empty string', ''],
])('refuses %s', (_name, text) => {
  expect(isUuid(text)).toBe(false)
})
