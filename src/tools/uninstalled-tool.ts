import * as z from 'zod'
import type { AnyTool } from './tool.ts'

/** Returns a stand-in for a tool in the journal that is no longer installed. It is in no catalogue and cannot be called. */
export function uninstalledTool(name: string): AnyTool {
  const uncallable = (): never => {
    throw new Error(`${name} is not installed.`)
  }
  return {
    name,
    title: name,
    description: 'No longer installed; the journal has calls of it.',
    connector: '',
    readOnly: false,
    destructive: false,
    requiredCapabilities: [],
    errors: [],
    inDefaultSet: false,
    input: z.strictObject({}),
    output: z.looseObject({}),
    result: z.object({}),
    run: uncallable,
    toResult: uncallable,
    toCompact: uncallable,
    toMarkdown: uncallable,
  }
}
