import type { OutputFormat } from './tool.ts'

/** A call of a tool with its results, shortened for people: for documentation only. */
export interface ToolExample {
  /** JSON, indented. */
  readonly input: string
  /** The result of the call in each format. RAW and COMPACT are JSON, indented. */
  readonly results: Readonly<Record<OutputFormat, string>>
}

/** Examples by the name of their tool. */
export type ToolExamples = Readonly<Record<string, ToolExample>>

/** The lines of a result that an example shows at most, and the characters of a line. */
export const exampleLimits = { lines: 16, characters: 160 } as const
