import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { InvalidToolInputError } from '../../src/errors.ts'
import { notionTools } from '../../src/notion/tools.ts'
import { checkInput } from '../../src/tools/input.ts'
import { modelSchema, outputSchema, type SchemaDialect, schemaDialects } from '../../src/tools/json-schema.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import fc from '../support/fast-check.ts'
import { type DeclaredTool, refusedByAnthropic, refusedByGemini, refusedByOpenAi } from './model-schema-rules.ts'
import { notesTools } from './notes-tools.ts'

const never: typeof fetch = () => Promise.reject(new Error('Nothing is sent in this test.'))
const tools = notionTools({ fetch: never, now: () => 0 })
const declare = (tool: AnyTool, dialect: SchemaDialect): DeclaredTool => ({
  name: tool.name,
  description: tool.description,
  schema: modelSchema(tool, dialect),
})
const refused: Readonly<Record<SchemaDialect, (tool: DeclaredTool) => readonly string[]>> = {
  STANDARD: (tool) => refusedByAnthropic(tool, false),
  OPENAI_STRICT: (tool) => [...refusedByOpenAi(tool), ...refusedByAnthropic(tool, true)],
  GEMINI: refusedByGemini,
}
const all = tools.map((tool) => [tool.name, tool] as const)

const withInput = (input: z.ZodObject): AnyTool => ({ ...(notesTools[0] as AnyTool), name: 'made_up', input })

describe('the schema of an input that models get', () => {
  it.each(all)('of %s follows the rules of each dialect', (_name, tool) => {
    for (const dialect of schemaDialects) {
      expect(refused[dialect](declare(tool, dialect))).toEqual([])
      new Ajv2020({ allowUnionTypes: true }).compile(modelSchema(tool, dialect))
    }
  })

  const tool = withInput(
    z.strictObject({
      id: z.string().max(9).describe('an id'),
      order: z.enum(['up', 'down']).default('up').describe('which way'),
      limit: z.int().min(1).max(9).optional(),
      whole: z.int(),
      deep: z.strictObject({ flag: z.boolean() }).meta({ id: 'Deep' }).optional(),
      free: z.record(z.string(), z.unknown()).describe('anything'),
      many: z.array(z.looseObject({})).max(5).optional(),
      short: z.strictObject({ flag: z.boolean() }).meta({ description: 'a flag', shorthand: true }),
      items: z
        .array(z.looseObject({}).meta({ shorthand: true }))
        .max(6)
        .meta({ shorthand: true }),
      emptied: z.union([z.string(), z.null()]).describe('null empties it'),
      exact: z.literal('only'),
      either: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('a') }),
        z.strictObject({ kind: z.literal('b'), size: z.number() }),
      ]),
    }),
  )
  const closed = { type: 'object', additionalProperties: false }
  const kind = (...values: string[]) => ({ type: 'string', enum: values })
  const required = ['id', 'whole', 'free', 'short', 'items', 'emptied', 'exact', 'either']

  it('in STANDARD has objects as objects, optional keys that may be absent, bounds and defaults', () => {
    expect(modelSchema(tool, 'STANDARD')).toEqual({
      ...closed,
      properties: {
        id: { type: 'string', description: 'an id' },
        order: { ...kind('up', 'down'), default: 'up', description: 'which way' },
        limit: { type: 'integer', minimum: 1, maximum: 9 },
        whole: { type: 'integer' },
        deep: { ...closed, properties: { flag: { type: 'boolean' } }, required: ['flag'] },
        free: { type: 'object', description: 'anything' },
        many: { type: 'array', items: { type: 'object' }, maxItems: 5 },
        short: { type: ['string', 'object'], description: 'a flag' },
        items: { type: ['string', 'array'], items: { type: ['string', 'object'] }, maxItems: 6 },
        emptied: { type: ['string', 'null'], description: 'null empties it' },
        exact: kind('only'),
        either: {
          anyOf: [
            { ...closed, properties: { kind: kind('a') }, required: ['kind'] },
            { ...closed, properties: { kind: kind('b'), size: { type: 'number' } }, required: ['kind', 'size'] },
          ],
        },
      },
      required,
    })
  })

  it('in STANDARD states the maximum of an upload, which the check refuses to exceed', () => {
    const upload = tools.find(({ name }) => name === 'notion_file_upload_content') as AnyTool
    const { properties } = modelSchema(upload, 'STANDARD') as { properties: { content: { maxLength: number } } }
    const { maxLength } = properties.content
    const check = (length: number) =>
      checkInput(upload, { filename: 'a.txt', content_type: 'text/plain', content: 'A'.repeat(length) })
    expect(() => check(maxLength)).not.toThrow()
    expect(() => check(maxLength + 1)).toThrow(InvalidToolInputError)
  })

  it('in OPENAI_STRICT requires each key, makes optional keys nullable and free JSON a string', () => {
    expect(modelSchema(tool, 'OPENAI_STRICT')).toEqual({
      ...closed,
      properties: {
        id: { type: 'string', description: 'an id' },
        order: { type: ['string', 'null'], enum: ['up', 'down', null], description: 'which way' },
        limit: { type: ['integer', 'null'] },
        whole: { type: 'integer' },
        deep: { ...closed, type: ['object', 'null'], properties: { flag: { type: 'boolean' } }, required: ['flag'] },
        free: { type: 'string', description: 'JSON: anything' },
        many: { type: ['string', 'null'], description: 'JSON' },
        short: { type: 'string', description: 'a flag' },
        items: { type: 'string' },
        emptied: { type: ['string', 'null'], description: 'null empties it' },
        exact: kind('only'),
        either: {
          anyOf: [
            { ...closed, properties: { kind: kind('a') }, required: ['kind'] },
            { ...closed, properties: { kind: kind('b'), size: { type: 'number' } }, required: ['kind', 'size'] },
          ],
        },
      },
      required: Object.keys(tool.input.shape),
    })
    expect(refused.OPENAI_STRICT(declare(tool, 'OPENAI_STRICT'))).toEqual([])
  })

  it('in GEMINI has free JSON as a string, open objects, and descriptions that no SDK drops', () => {
    expect(modelSchema(tool, 'GEMINI')).toEqual({
      type: 'object',
      properties: {
        id: { type: 'string', description: 'an id' },
        order: { ...kind('up', 'down'), description: 'which way' },
        limit: { type: 'integer' },
        whole: { type: 'integer' },
        deep: { type: 'object', properties: { flag: { type: 'boolean' } }, required: ['flag'] },
        free: { type: 'string', description: 'JSON: anything' },
        many: { type: 'string', description: 'JSON' },
        short: { type: 'string', description: 'a flag' },
        items: { type: 'string' },
        emptied: { anyOf: [{ type: 'string', description: 'null empties it' }, { type: 'null' }] },
        exact: kind('only'),
        either: {
          anyOf: [
            { type: 'object', properties: { kind: kind('a') }, required: ['kind'] },
            {
              type: 'object',
              properties: { kind: kind('b'), size: { type: 'number' } },
              required: ['kind', 'size'],
            },
          ],
        },
      },
      required,
    })
    expect(refusedByGemini(declare(tool, 'GEMINI'))).toEqual([])
  })

  it('refuses an input that models cannot get, with its path', () => {
    const tool = withInput(z.strictObject({ a: z.strictObject({ b: z.enum({ one: 1, word: 'x' } as never) }) }))
    for (const dialect of schemaDialects) expect(() => modelSchema(tool, dialect)).toThrow('made_up.a.b')
  })

  it('has an output schema that is JSON Schema', () => {
    for (const tool of tools) new Ajv2020({ strict: false, validateFormats: false }).compile(outputSchema(tool))
  })
})

describe('the checkers of the three rules', () => {
  const object = { type: 'object', properties: {}, required: [], additionalProperties: false }
  const declared = (schema: Record<string, unknown>) => ({ name: 'made_up', description: '', schema })
  const held = (property: Record<string, unknown>) =>
    declared({ ...object, properties: { a: property }, required: ['a'] })

  it.each([
    ['an open object', held({ type: 'object', properties: {}, required: [] }), [refusedByOpenAi, refusedByAnthropic]],
    ['a key that is not required', declared({ ...object, properties: { a: { type: 'string' } } }), [refusedByOpenAi]],
    ['anyOf at the root', declared({ anyOf: [object] }), [refusedByOpenAi, refusedByAnthropic, refusedByGemini]],
    ['oneOf', held({ type: 'string', oneOf: [] }), [refusedByOpenAi, refusedByAnthropic]],
    ['a default', held({ type: 'string', default: 'x' }), [refusedByOpenAi, refusedByAnthropic, refusedByGemini]],
    ['a length', held({ type: 'string', maxLength: 5 }), [refusedByOpenAi, refusedByAnthropic, refusedByGemini]],
    ['a list of types', held({ type: ['string', 'null'] }), [refusedByGemini]],
    ['a constant', held({ type: 'string', const: 'x' }), [refusedByGemini]],
    ['a bound', held({ type: 'integer', minimum: 1 }), [refusedByAnthropic]],
    ['an enum of numbers', held({ type: 'integer', enum: [1, 2] }), [refusedByGemini]],
    ['an array without items', held({ type: 'array' }), [refusedByOpenAi, refusedByGemini]],
    [
      'a key with a space',
      declared({ ...object, properties: { 'a b': { type: 'string' } }, required: ['a b'] }),
      [refusedByAnthropic],
    ],
  ])('refuse %s', (_what, tool, refusing) => {
    for (const refusedBy of refusing) expect(refusedBy(tool, true)).not.toEqual([])
  })
})

describe('the check of inputs', () => {
  const runs = Number(process.env['TOOL_INPUT_RUNS'] ?? 300)

  it.each(all)('of %s returns a value or an InvalidToolInputError with paths for any input', (_name, tool) => {
    const keys = Object.keys(tool.input.shape)
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.json({ maxDepth: 3 }),
      fc.string({ unit: 'binary' }),
      fc.uuid(),
      fc.constantFrom('', 'null', '[]', '{}', '\0', '\ud800', 'https://www.notion.so/x', -0, 1e308, 2 ** 53),
    )
    const key = fc.oneof(fc.constantFrom(...keys, '__proto__', 'constructor'), fc.string())
    const input = fc.oneof({ weight: 9, arbitrary: fc.dictionary(key, value) }, { weight: 1, arbitrary: value })
    fc.assert(
      fc.property(input, (passed) => {
        try {
          expect(checkInput(tool, passed).hash).toMatch(/^[0-9a-f]{64}$/)
        } catch (error) {
          if (!(error instanceof InvalidToolInputError)) throw error
          expect(error.issues.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: runs },
    )
  })
})
