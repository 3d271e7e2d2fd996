import type * as z from 'zod'
import type { AnyTool, Tool } from '../tools/tool.ts'
import { type NotionCall, type NotionParts, notionCall } from './call.ts'
import type { NotionCapability } from './capabilities.ts'
import { entriesAfter, entriesAt, firstEntries, readCutCursor } from './cut-lists.ts'
import { isObject } from './json.ts'
import { markedBeginning } from './shape/marking.ts'

/** A tool as its file defines it: a {@link Tool} that is not yet bound to the client and the caches. */
export interface NotionTool<Input extends z.ZodObject, Result extends z.ZodObject>
  extends Omit<
    Tool<Input, Result>,
    'connector' | 'run' | 'inDefaultSet' | 'destructive' | 'requiredCapabilities' | 'markBeginning'
  > {
  readonly destructive?: boolean
  readonly inDefaultSet?: boolean
  readonly capability: NotionCapability | readonly NotionCapability[]
  /** The key of the list in the body of a tool with `start_cursor`. A list over the size cap is cut between entries. */
  readonly listKey?: string
  run(call: NotionCall, input: z.output<Input>): Promise<unknown>
}

/** Defines a tool with the types of its schemas. */
export function notionTool<Input extends z.ZodObject, Result extends z.ZodObject>(
  definition: NotionTool<Input, Result>,
): NotionTool<Input, Result> {
  return definition
}

/** Returns the tool as the catalogue lists it. */
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
      const notion = notionCall(parts, call, input)
      const cut = listKey === undefined ? null : readCutCursor(input.start_cursor as string | undefined)
      if (cut === null || listKey === undefined) return definition.run(notion, input)
      const body = await definition.run(notion, {
        ...input,
        start_cursor: cut.start ?? undefined,
        page_size: cut.size ?? undefined,
      })
      return isObject(body) ? entriesAfter(body, listKey, cut, input) : body
    },
  }
  return tool
}

/** Prefers the definition's own way to cut a body; cuts the list where that finds nothing to cut. */
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
