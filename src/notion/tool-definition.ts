import type { z } from 'zod'
import type { AnyTool, Tool } from '../tools/tool.ts'
import { type NotionCall, type NotionParts, notionCall } from './call.ts'
import type { NotionCapability } from './capabilities.ts'
import { entriesAt, entriesBehind, firstEntries, readCutCursor } from './cut-lists.ts'
import { isObject } from './json.ts'
import { markedBeginning } from './shape/marking.ts'

/** A tool as its file defines it: {@link Tool} before it is bound to the client and the memories. */
export interface NotionTool<Input extends z.ZodObject, Result extends z.ZodObject>
  extends Omit<
    Tool<Input, Result>,
    'connector' | 'run' | 'inDefaultSet' | 'destructive' | 'requiredCapabilities' | 'markBeginning'
  > {
  readonly destructive?: boolean
  readonly inDefaultSet?: boolean
  readonly capability: NotionCapability | readonly NotionCapability[]
  /** Where the body of a tool with `start_cursor` has its list. A list over the cap is then cut behind a whole entry. */
  readonly listKey?: string
  run(call: NotionCall, input: z.output<Input>): Promise<unknown>
}

/** Defines a tool; its types come from its schemas. */
export function notionTool<Input extends z.ZodObject, Result extends z.ZodObject>(
  definition: NotionTool<Input, Result>,
): NotionTool<Input, Result> {
  return definition
}

/** The tool as the catalogue holds it. */
export function bindTool<Input extends z.ZodObject, Result extends z.ZodObject>(
  definition: NotionTool<Input, Result>,
  parts: NotionParts,
): AnyTool {
  const { capability, listKey, ...rest } = definition
  const tool: Tool<Input, Result> = {
    ...rest,
    connector: 'notion',
    destructive: definition.destructive ?? false,
    inDefaultSet: definition.inDefaultSet ?? false,
    requiredCapabilities: typeof capability === 'string' ? [capability] : capability,
    markBeginning: markedBeginning,
    ...(listKey !== undefined && { list: listOf(definition, listKey) }),
    async run(call, input) {
      const notion = notionCall(parts, call)
      const cut = listKey === undefined ? null : readCutCursor(input.start_cursor as string | undefined)
      if (cut === null || listKey === undefined) return definition.run(notion, input)
      const body = await definition.run(notion, {
        ...input,
        start_cursor: cut.start ?? undefined,
        page_size: cut.size ?? undefined,
      })
      return isObject(body) ? entriesBehind(body, listKey, cut, input) : body
    },
  }
  return tool
}

/** What the tool's own definition says of its parts goes first; where it sees none, the list is cut. */
function listOf<Input extends z.ZodObject, Result extends z.ZodObject>(
  { list }: NotionTool<Input, Result>,
  key: string,
): NonNullable<Tool<Input, Result>['list']> {
  const own = (body: unknown) => list?.length(body) ?? 0
  return {
    length: (body) => own(body) || entriesAt(body, key).length,
    take: (body, length, input) =>
      list !== undefined && own(body) > 0 ? list.take(body, length, input) : firstEntries(body, key, length, input),
  }
}
