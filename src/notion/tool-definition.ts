import type { z } from 'zod'
import type { Capability } from '../accounts/capability.ts'
import type { AnyTool, Tool } from '../tools/tool.ts'
import { type NotionCall, type NotionParts, notionCall } from './call.ts'

/** A tool as its file defines it: {@link Tool} before it is bound to the client and the memories. */
export interface NotionTool<Input extends z.ZodObject, Result extends z.ZodObject>
  extends Omit<Tool<Input, Result>, 'connector' | 'run' | 'inDefaultSet' | 'destructive' | 'requiredCapabilities'> {
  readonly destructive?: boolean
  readonly inDefaultSet?: boolean
  readonly capability: Capability | readonly Capability[]
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
  const { capability, ...rest } = definition
  const tool: Tool<Input, Result> = {
    ...rest,
    connector: 'notion',
    destructive: definition.destructive ?? false,
    inDefaultSet: definition.inDefaultSet ?? false,
    requiredCapabilities: typeof capability === 'string' ? [capability] : capability,
    run: (call, input) => definition.run(notionCall(parts, call), input),
  }
  return tool
}
