import { lexicographicSortSchema, printType } from 'graphql'
import { expect, it } from 'vitest'
import * as z from 'zod'
import { buildSchema } from '../../src/graphql/schema.ts'
import { toolInputType } from '../../src/graphql/tools/input-type.ts'
import { resultFields } from '../../src/graphql/tools/result-type.ts'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import { testConnector } from '../support/connector.ts'
import { notesTools } from './notes-tools.ts'

const [template] = notesTools as readonly [AnyTool]
const empty = z.strictObject({})
let made = 0
const toolWith = (input: z.ZodObject, result: z.ZodObject = z.object({ ok: z.boolean() })): AnyTool => ({
  ...template,
  name: `made_up_${made++}`,
  input,
  result,
})

const tree = z.object({
  name: z.string(),
  get below() {
    return z.array(tree)
  },
})
z.globalRegistry.add(tree, { id: 'MadeUpTree', description: 'A tree.' })

const everything = toolWith(
  z.strictObject({
    plain_text: z.string().describe('a text'),
    whole: z.int().min(0).max(10).default(3),
    large: z.int(),
    share: z.number().optional(),
    flag: z.boolean().nullable(),
    choice: z.enum(['rich-text', 'lastEditedTime']).default('rich-text'),
    lines: z.array(z.strictObject({ line_no: z.int32() })).optional(),
    anything: z.unknown(),
    open: z.record(z.string(), z.unknown()).optional(),
    either: z.union([z.string(), z.number()]).optional(),
  }),
  z.object({
    at: z.iso.datetime().nullable().describe('when'),
    child: z.object({ name: z.string(), size: z.int32().optional() }),
    tree: tree.optional(),
    shape: z.union([
      z.object({ kind: z.literal('circle'), radius: z.number() }).meta({ id: 'MadeUpCircle', description: 'Round.' }),
      z.object({ kind: z.literal('square'), side: z.number() }).meta({ id: 'MadeUpSquare', description: 'Not round.' }),
    ]),
    many: z.array(z.enum(['up', 'down'])),
    loose: z.json(),
  }),
)
it('one definition becomes input and result types, with names, defaults, choices and unions', () => {
  const tools = [everything, toolWith(empty)]
  const schema = lexicographicSortSchema(buildSchema([testConnector(tools)], createToolCatalogue(tools)))
  const print = (name: string) => {
    const type = schema.getType(name)
    // Descriptions apart: what is left is the shape.
    return (
      type &&
      printType(type)
        .replaceAll(/^ *""".*"""\n|^ *"""\n(?:.*\n)*? *"""\n/gm, '')
        .replaceAll(/\n\n/g, '\n')
    )
  }
  expect(print('MadeUp0Input')).toBe(`input MadeUp0Input {
  anything: JSON!
  choice: MadeUp0Choice = RICH_TEXT
  either: JSON
  flag: Boolean!
  large: Float!
  lines: [MadeUp0LinesInput!]
  open: JSONObject
  plainText: String!
  share: Float
  whole: Int = 3
}`)
  expect(print('MadeUp0LinesInput')).toBe('input MadeUp0LinesInput {\n  lineNo: Int!\n}')
  expect(print('MadeUp0Choice')).toBe('enum MadeUp0Choice {\n  LAST_EDITED_TIME\n  RICH_TEXT\n}')
  expect(print('MadeUp0Payload')).toBe(`type MadeUp0Payload {
  at: DateTime
  child: MadeUp0Child!
  execution: ToolExecution
  loose: JSON!
  many: [MadeUp0Many!]!
  shape: MadeUp0Shape!
  tree: MadeUpTree
}`)
  expect(print('MadeUpTree')).toBe('type MadeUpTree {\n  below: [MadeUpTree!]!\n  name: String!\n}')
  expect(print('MadeUp0Shape')).toBe('union MadeUp0Shape = MadeUpCircle | MadeUpSquare')
  expect(
    schema
      .getQueryType()
      ?.getFields()
      ['madeUp1']?.args.map(({ name }) => name),
  ).toEqual(['connectionName', 'identifier'])
})

it('a definition that GraphQL cannot express stops the start, with its path', () => {
  const input = (shape: z.ZodRawShape) => () => toolInputType(toolWith(z.strictObject(shape)), new Map())
  expect(input({ a_b: z.string(), aB: z.string() })).toThrow(/made_up_\d+: two keys have the same GraphQL name/)
  expect(input({ a: z.enum(['1', '2']) })).toThrow(/made_up_\d+\.a: "1" has no valid GraphQL enum name/)
  expect(input({ a: z.enum(['x-y', 'x_y']) })).toThrow(/made_up_\d+\.a: two values/)
  expect(input({ a: z.strictObject({ b: empty }) })).toThrow(
    /made_up_\d+\.a\.b: GraphQL cannot express an object without keys/,
  )

  const types = { enums: new Map(), named: new Map() }
  const result = (shape: z.ZodRawShape) => () =>
    resultFields(toolWith(empty, z.object(shape)), createToolCatalogue([]), types)
  expect(result({})).toThrow(/made_up_\d+\.result: GraphQL cannot express an object without keys/)
  expect(result({ a: z.array(z.string().nullable()) })).toThrow(/made_up_\d+\.result\.a: a list with nullable items/)
  const named = (field: string) => z.object({ [field]: z.string() }).meta({ id: 'MadeUpTwice' })
  result({ a: named('one') })()
  expect(result({ a: named('two') })).toThrow(/two different result types are called MadeUpTwice/)
  const linked = z.object({ id: z.string() }).meta({
    id: 'MadeUpLink',
    links: [{ field: 'to', description: 'd', tool: 'none', input: { id: 'id' }, result: 'x' }],
  })
  expect(result({ a: linked })).toThrow(/MadeUpLink\.to: the tool none must exist/)
})
