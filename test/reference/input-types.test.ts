import { expect, it } from 'vitest'
import * as z from 'zod'
import { printInputTypes } from '../../src/reference/input-types.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import { notesTools } from '../tools/notes-tools.ts'

const [template] = notesTools as readonly [AnyTool]
const typeOf = (input: z.ZodObject, description = 'Does it.') => {
  const printed = printInputTypes([{ ...template, name: 'acme_do', title: 'Do', description, input }])
  return printed.slice(printed.indexOf('  /** Do:'))
}

it('prints the type of what a tool accepts, with the descriptions and defaults that models read', () => {
  const input = z.strictObject({
    id: z.string().describe('an id'),
    order: z.enum(['up', "it's"]).default('up').describe('which way'),
    limit: z.int().min(1).max(9).optional(),
    lines: z.array(z.union([z.string(), z.number()])).nullable(),
    deep: z.strictObject({ flag: z.boolean() }).optional(),
    'odd key': z.unknown(),
    free: z.record(z.string(), z.unknown()),
    items: z.array(z.looseObject({}).meta({ shorthand: true })).meta({ shorthand: true }),
  })
  expect(typeOf(input)).toBe(`  /** Do: Does it. */
  readonly acme_do: {
    /** an id. */
    readonly id: string
    /** which way. Default: "up". */
    readonly order?: 'up' | 'it\\'s' | undefined
    readonly limit?: number | undefined
    readonly lines: readonly (string | number)[] | null
    readonly deep?: {
      readonly flag: boolean
    } | undefined
    readonly 'odd key': unknown
    readonly free: Readonly<Record<string, unknown>>
    readonly items: string | readonly (string | Readonly<Record<string, unknown>>)[]
  }
}
`)
})

it('accepts nothing for a tool without input, and no description ends its comment', () => {
  expect(typeOf(z.strictObject({}), 'Ends */ here\nand there.')).toBe(`  /** Do: Ends *\\/ here and there. */
  readonly acme_do: Readonly<Record<string, never>>
}
`)
})
