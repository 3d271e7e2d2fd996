import type { InputIssue } from '../errors.ts'

/**
 * What is wrong with an application's name for one of its users; empty when nothing is. Any text of 1 to 512 characters
 * will do, but for NUL, which Postgres does not store, and for halves of surrogate pairs, which would not come back as
 * they were given.
 */
export function identifierIssues(identifier: string): readonly InputIssue[] {
  const refuse = (message: string) => [{ path: 'identifier', message }]
  if (identifier === '') return refuse('must not be empty')
  if (identifier.length > 512) return refuse('must have at most 512 characters')
  if (/\0|\p{Surrogate}/u.test(identifier)) return refuse('must be well-formed text without NUL')
  return []
}
