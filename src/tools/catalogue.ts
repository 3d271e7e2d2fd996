import { nearest } from '../did-you-mean.ts'
import type { AnyTool, ToolCatalogue } from './tool.ts'

/** Makes the catalogue of the installed connectors' tools, in the given order. Two tools of one name are a bug. */
export function createToolCatalogue(tools: readonly AnyTool[]): ToolCatalogue {
  const byName = new Map<string, AnyTool>()
  for (const tool of tools) {
    if (byName.has(tool.name)) throw new Error(`Two tools are called ${tool.name}.`)
    byName.set(tool.name, tool)
  }
  return {
    tools: [...tools],
    find: (name) => byName.get(name),
    suggest(name) {
      // Without what all names of a connector begin with, which would make every name look like every other.
      const connector = tools.find((tool) => name.startsWith(`${tool.connector}_`))
      const wanted = connector ? withoutPrefix(name, connector) : name
      const nearestBy = (form: (tool: AnyTool) => string, text: string) => {
        const named = new Map(tools.map((tool) => [form(tool), tool.name]))
        return nearest(text, [...named.keys()]).flatMap((each) => named.get(each) ?? [])
      }
      // "query_database" means "database_query", and a tool is also called by what it is titled.
      const near = [
        ...nearestBy((tool) => withoutPrefix(tool.name, tool), wanted),
        ...nearestBy((tool) => wordsOf(withoutPrefix(tool.name, tool)), wordsOf(wanted)),
        ...nearestBy((tool) => tool.title, wanted),
      ]
      return [...new Set(near)].slice(0, 3)
    },
  }
}

const withoutPrefix = (name: string, { connector }: AnyTool) =>
  name.startsWith(`${connector}_`) ? name.slice(connector.length + 1) : name

const wordsOf = (name: string) =>
  name
    .toLowerCase()
    .split(/[_\s-]+/)
    .sort()
    .join('_')

/** Which tools to list; an absent field does not restrict. */
export interface ToolSelection {
  readonly connector?: string | null | undefined
  readonly names?: readonly string[] | null | undefined
  readonly readOnly?: boolean | null | undefined
  /** DEFAULT leaves out what an agent does not need at first. Tools that are asked for by name are always there. */
  readonly set?: 'DEFAULT' | 'ALL' | null | undefined
}

/** The tools of the catalogue that fit a selection, in the catalogue's order. */
export function selectTools(catalogue: ToolCatalogue, selection: ToolSelection): readonly AnyTool[] {
  const { connector, names, readOnly, set = 'DEFAULT' } = selection
  return catalogue.tools.filter(
    (tool) =>
      (connector == null || tool.connector === connector) &&
      (names != null ? names.includes(tool.name) : set === 'ALL' || tool.inDefaultSet) &&
      (readOnly == null || tool.readOnly === readOnly),
  )
}
