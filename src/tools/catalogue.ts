import { nearest } from '../did-you-mean.ts'
import type { AnyTool, ToolCatalogue } from './tool.ts'

/** Makes the catalogue of the installed connectors' tools, in the given order. Throws when two tools have one name. */
export function createToolCatalogue(tools: readonly AnyTool[]): ToolCatalogue {
  const byName = new Map<string, AnyTool>()
  for (const tool of tools) {
    if (byName.has(tool.name)) throw new Error(`Two tools are called ${tool.name}.`)
    byName.set(tool.name, tool)
  }
  const lastWords = tools.map(({ name }) => name.split('_').at(-1) ?? '')
  const verbs = new Set(lastWords.filter((word, at) => lastWords.indexOf(word) !== at))
  /** The words of a name or title apart from those with which several tools end, which are verbs. */
  const objectsIn = (name: string) => wordsIn(name).filter((word) => word.length > 1 && !verbs.has(word))

  return {
    tools: [...tools],
    find: (name) => byName.get(name),
    suggest(name) {
      // Without the prefix that all names of a connector share: it would make every name similar to every other.
      const connector = tools.find((tool) => name.startsWith(`${tool.connector}_`))
      const wanted = connector ? withoutPrefix(name, connector) : name
      const nearestBy = (form: (tool: AnyTool) => string, text: string) => {
        const named = new Map(tools.map((tool) => [form(tool), tool.name]))
        return nearest(text, [...named.keys()]).flatMap((each) => named.get(each) ?? [])
      }
      // "query_database" means "database_query", and models also call tools by their titles.
      const near = [
        ...nearestBy((tool) => withoutPrefix(tool.name, tool), wanted),
        ...nearestBy((tool) => wordsOf(withoutPrefix(tool.name, tool)), wordsOf(wanted)),
        ...nearestBy((tool) => tool.title, wanted),
      ]
      // "view_list" resembles "user_list" by its verb alone, and no tool for users does the same for views.
      const objects = objectsIn(wanted)
      const alike = near.filter((found) => {
        const tool = byName.get(found)
        const words = tool ? objectsIn(`${withoutPrefix(tool.name, tool)}_${tool.title}`) : []
        return objects.length === 0 || objects.some((word) => nearest(word, words, 1).length > 0)
      })
      return [...new Set(alike)].slice(0, 3)
    },
  }
}

const withoutPrefix = (name: string, { connector }: AnyTool) =>
  name.startsWith(`${connector}_`) ? name.slice(connector.length + 1) : name

const wordsIn = (name: string) =>
  name
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase()
    .split(/[_\s-]+/)

const wordsOf = (name: string) => wordsIn(name).sort().join('_')

/** Which tools to list; an absent field does not restrict. */
export interface ToolSelection {
  readonly connector?: string | null | undefined
  readonly names?: readonly string[] | null | undefined
  readonly readOnly?: boolean | null | undefined
  /** DEFAULT omits what an agent does not need at first. Tools requested by name are always included. */
  readonly set?: 'DEFAULT' | 'ALL' | null | undefined
}

/** Returns the tools of the catalogue that match a selection, in the catalogue's order. */
export function selectTools(catalogue: ToolCatalogue, selection: ToolSelection): readonly AnyTool[] {
  const { connector, names, readOnly, set = 'DEFAULT' } = selection
  return catalogue.tools.filter(
    (tool) =>
      (connector == null || tool.connector === connector) &&
      (names != null ? names.includes(tool.name) : set === 'ALL' || tool.inDefaultSet) &&
      (readOnly == null || tool.readOnly === readOnly),
  )
}
