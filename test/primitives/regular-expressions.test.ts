import { readdirSync, readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'oxc-parser'
import { analyse } from 'scslre'
import { expect, it } from 'vitest'

const src = new URL('../../src/', import.meta.url)

/** Expressions that only read a text of limited length. */
const limited: Readonly<Record<string, string>> = {
  'notion/places.ts': 'messages of Notion are cut to 1000 characters',
}

/** A quantifier without an upper limit over any character. */
const anything = /(?<!\\)(?:\.|\[(?:\\s\\S|\\S\\s|\^)\])(?:[*+]|\{\d+,\})/g

/** What makes an expression slower than linear in the length of a text, or null. */
function slowness(source: string, flags: string): string | null {
  const { reports } = analyse({ source, flags })
  if (reports.length > 0) return reports.map(({ type }) => type).join(', ')
  // The analysis does not see these: a search that starts again at each occurrence of what precedes `.*`.
  const withoutClasses = source.replaceAll(/\[(?!\\s\\S\]|\^\])(?:\\.|[^\]\\])*\]/g, '[]')
  const count = (withoutClasses.match(anything) ?? []).length
  return count > 1 || (count === 1 && !source.startsWith('^')) ? 'several .*, or one without ^' : null
}

/** The regular expressions in the sources, and the places where one is built from strings. */
function readExpressions() {
  const literals: { place: string; source: string; flags: string }[] = []
  const built: string[] = []
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const place = file.replaceAll('\\', '/')
    new Visitor({
      Literal(node) {
        if ('regex' in node) literals.push({ place, source: node.regex.pattern, flags: node.regex.flags })
      },
      NewExpression({ callee }) {
        if (callee.type === 'Identifier' && callee.name === 'RegExp') built.push(place)
      },
    }).visit(parseSync(file, readFileSync(new URL(file, src), 'utf8')).program)
  }
  return { literals, built }
}

it('an expression that is slow on some texts is recognised', () => {
  for (const slow of [
    'bot\\b|msteams.*preview',
    '%.*$',
    '^(\\s*)([\\s\\S]*?)(\\s*)$',
    '\\s*\\n\\s*',
    '^a(?:.*, found|b) ".*"$',
    '^(?:a+)+$',
  ]) {
    expect(slowness(slow, ''), slow).not.toBeNull()
  }
})

it('every regular expression takes a time that is linear in the length of its text', () => {
  const { literals, built } = readExpressions()
  expect(literals.length).toBeGreaterThan(100)
  const slow = literals.filter(({ place, source, flags }) => !(place in limited) && slowness(source, flags) !== null)
  expect(slow).toEqual([])
  // Built expressions are not checked. Only the sandbox, which is for development, has any.
  expect(built.filter((place) => !place.startsWith('sandbox/'))).toEqual([])
})
