import { z } from 'zod'
import type { AnyTool } from './tool.ts'

/**
 * What the journal shows of a tool that it names and that is not installed any more: its name. It is in no catalogue, so
 * that nobody can call it.
 */
export function uninstalledTool(name: string): AnyTool {
  const uncallable = (): never => {
    throw new Error(`${name} is not installed.`)
  }
  return {
    name,
    title: name,
    description: 'Not installed any more; the journal has calls of it.',
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
