import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { InvalidToolInputError } from '../../src/errors.ts'
import { notionTools } from '../../src/notion/tools.ts'
import { checkInput } from '../../src/tools/input.ts'
import { modelSchema, outputSchema } from '../../src/tools/json-schema.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import { type DeclaredTool, refusedByAnthropic, refusedByGemini, refusedByOpenAi } from './model-schema-rules.ts'
import { notesTools } from './notes-tools.ts'

const never: typeof fetch = () => Promise.reject(new Error('Nothing is sent in this test.'))
const tools = notionTools({ fetch: never, now: () => 0 })
const declare = (tool: AnyTool): DeclaredTool => ({
  name: tool.name,
  description: tool.description,
  schema: modelSchema(tool),
})
const all = tools.map((tool) => [tool.name, tool] as const)

const withInput = (input: z.ZodObject): AnyTool => ({ ...(notesTools[0] as AnyTool), name: 'made_up', input })

describe('the schema of an input that models get', () => {
  it.each(all)('of %s is accepted by OpenAI in strict mode, by Anthropic and by Gemini', (_name, tool) => {
    const declared = declare(tool)
    expect(refusedByOpenAi(declared)).toEqual([])
    expect(refusedByAnthropic(declared)).toEqual([])
    expect(refusedByGemini(declared)).toEqual([])
    new Ajv2020().compile(declared.schema)
  })

  it('contains descriptions and choices, closes objects, makes optional keys nullable and free JSON a string', () => {
    const tool = withInput(
      z.strictObject({
        id: z.string().describe('an id'),
        order: z.enum(['up', 'down']).default('up').describe('which way'),
        limit: z.int().min(1).max(9).optional(),
        deep: z.strictObject({ flag: z.boolean() }).meta({ id: 'Deep' }).optional(),
        free: z.record(z.string(), z.unknown()).describe('anything'),
        many: z.array(z.looseObject({})).optional(),
        short: z.strictObject({ flag: z.boolean() }).meta({ description: 'a flag', shorthand: true }),
        exact: z.literal('only'),
        either: z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('a') }),
          z.strictObject({ kind: z.literal('b'), size: z.number() }),
        ]),
      }),
    )
    const nothing = { type: 'null' }
    const closed = { type: 'object', additionalProperties: false }
    expect(modelSchema(tool)).toEqual({
      ...closed,
      properties: {
        id: { type: 'string', description: 'an id' },
        order: { anyOf: [{ type: 'string', enum: ['up', 'down'] }, nothing], description: 'which way' },
        limit: { anyOf: [{ type: 'integer' }, nothing] },
        deep: { anyOf: [{ ...closed, properties: { flag: { type: 'boolean' } }, required: ['flag'] }, nothing] },
        free: { type: 'string', description: 'JSON: anything' },
        many: { anyOf: [{ type: 'string' }, nothing], description: 'JSON' },
        short: { type: 'string', description: 'a flag' },
        exact: { type: 'string', enum: ['only'] },
        either: {
          anyOf: [
            { ...closed, properties: { kind: { type: 'string', enum: ['a'] } }, required: ['kind'] },
            {
              ...closed,
              properties: { kind: { type: 'string', enum: ['b'] }, size: { type: 'number' } },
              required: ['kind', 'size'],
            },
          ],
        },
      },
      required: ['id', 'order', 'limit', 'deep', 'free', 'many', 'short', 'exact', 'either'],
    })
    expect(refusedByOpenAi(declare(tool))).toEqual([])
    expect(refusedByAnthropic(declare(tool))).toEqual([])
    expect(refusedByGemini(declare(tool))).toEqual([])
  })

  it('refuses an input that models cannot get, with its path', () => {
    const tool = withInput(z.strictObject({ a: z.strictObject({ b: z.enum({ one: 1, word: 'x' } as never) }) }))
    expect(() => modelSchema(tool)).toThrow('made_up.a.b')
  })

  it('takes few tokens: the ten tools that every agent gets, and all', () => {
    const tokens = (some: readonly AnyTool[]) =>
      some.reduce((sum, tool) => {
        const { name, description, schema } = declare(tool)
        return sum + countTokens(JSON.stringify({ name, description, inputSchema: schema }))
      }, 0)
    const ten = tools.filter((tool) => tool.inDefaultSet && tool.name !== 'notion_page_fetch')
    console.log(`o200k tokens: ten tools ${tokens(ten)}, all ${tools.length} tools ${tokens(tools)}`)
    expect(ten).toHaveLength(10)
    expect(tokens(ten)).toBeLessThan(1_500)
    expect(tokens(tools)).toBeLessThan(8_000)
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
    for (const refusedBy of refusing) expect(refusedBy(tool)).not.toEqual([])
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
