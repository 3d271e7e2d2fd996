import type * as z from 'zod'
import { apiUrlVariable, variableSections } from '../variables.ts'
import { code, table } from './markdown.ts'

/**
 * Returns docs/configuration.md with its tables of variables replaced. Each follows a comment with the title of its
 * section. Throws an error when a section has no place.
 */
export function withVariables(
  page: string,
  connectors: readonly { readonly slug: string; readonly name: string; readonly apiUrl: string }[],
): string {
  return variableSections.reduce((text, { title, variables }) => {
    const begin = `<!-- variables: ${title} -->\n`
    const end = '\n<!-- end -->'
    const from = text.indexOf(begin)
    const to = text.indexOf(end, from)
    if (from < 0 || to < 0) throw new Error(`docs/configuration.md has no place for the variables of "${title}".`)
    const rows = Object.entries(variables).map(([name, type]) => row(name, type))
    if (title === 'Notion and tools') rows.push(...connectors.map(connectorRow))
    const made = table(['Variable', 'Default', 'Meaning'], rows)
    return text.slice(0, from + begin.length) + made + text.slice(to)
  }, page)
}

function row(name: string, type: z.ZodType): readonly string[] {
  const { default: stated, description } = type.meta() ?? {}
  if (description === undefined) throw new Error(`The variable ${name} has no description.`)
  return [code(name), typeof stated === 'string' ? stated : defaultOf(type), description]
}

/** The default as one writes it. A list that is empty by default has none. */
function defaultOf(type: z.ZodType): string {
  const value = type.safeParse(undefined).data
  if (value === undefined) return 'unset'
  return Array.isArray(value) && value.length === 0 ? 'none' : code(String(value))
}

const connectorRow = ({ slug, name, apiUrl }: { slug: string; name: string; apiUrl: string }) => [
  code(apiUrlVariable(slug)),
  code(apiUrl),
  `${name}'s API, for OAuth apps outside the sandbox`,
]
