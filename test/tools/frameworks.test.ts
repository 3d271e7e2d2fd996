import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GoogleGenAI } from '@google/genai'
import { tool as langChainTool } from '@langchain/core/tools'
import { dynamicTool, generateText, jsonSchema } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { notionTools } from '../../src/notion/tools.ts'
import { checkInput } from '../../src/tools/input.ts'
import { type ModelSchema, modelSchema, schemaDialects } from '../../src/tools/json-schema.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import { validInputs } from './valid-inputs.ts'

const never: typeof fetch = () => Promise.reject(new Error('Nothing is sent in this test.'))
const tools = notionTools({ fetch: never, now: () => 0 })
const toolOf = (name: string) => tools.find((tool) => tool.name === name) as AnyTool
const examples = validInputs.map(([name, input]) => [name, JSON.stringify(input).slice(0, 60), input] as const)

const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true })
const issuesOf = (schema: object, value: unknown) => {
  const validate = ajv.compile(schema)
  return validate(value) ? [] : validate.errors
}

type Property = ModelSchema & { readonly description?: string }
const propertiesOf = (schema: ModelSchema) => schema['properties'] as Readonly<Record<string, Property>>

/** Returns a value as a model writes it by a schema: JSON as a string where only that is allowed, null for absent keys. */
function written(schema: ModelSchema, value: unknown): unknown {
  const types = [schema['type']].flat()
  if (Array.isArray(value) && types.includes('array'))
    return value.map((one) => written(schema['items'] as ModelSchema, one))
  if (typeof value !== 'object' || value === null) return value
  if (!types.includes(Array.isArray(value) ? 'array' : 'object')) return JSON.stringify(value)
  const given = value as Readonly<Record<string, unknown>>
  if (schema['properties'] === undefined) return value
  const required = (schema['required'] ?? []) as readonly string[]
  const entries = Object.entries(propertiesOf(schema)).flatMap(([key, property]): [string, unknown][] =>
    given[key] !== undefined ? [[key, written(property, given[key])]] : required.includes(key) ? [[key, null]] : [],
  )
  return Object.fromEntries(entries)
}

const isText = (property: Property | undefined) => {
  const types = [property?.['type']].flat()
  const isString = types.includes('string') && !types.includes('object') && !types.includes('array')
  return isString && !property?.description?.startsWith('JSON')
}

describe('an input that a tool documents', () => {
  it.each(examples)('%s %s is valid in STANDARD as it is', (name, _shown, input) => {
    expect(issuesOf(modelSchema(toolOf(name), 'STANDARD'), input)).toEqual([])
  })

  it.each(examples)('%s %s means the same in each dialect', (name, _shown, input) => {
    const tool = toolOf(name)
    const { hash } = checkInput(tool, input)
    for (const dialect of schemaDialects) {
      const schema = modelSchema(tool, dialect)
      // Where a dialect shows plain text, a model does not write the object that it is short for.
      if (
        Object.entries(input).some(([key, value]) => isText(propertiesOf(schema)[key]) && typeof value === 'object')
      ) {
        continue
      }
      const form = written(schema, input)
      expect(issuesOf(schema, form)).toEqual([])
      expect(checkInput(tool, form).hash).toBe(hash)
    }
  })

  it('is what each description shows as an example', () => {
    const shown = tools.flatMap((tool) =>
      Object.entries(propertiesOf(modelSchema(tool, 'STANDARD'))).flatMap(([key, property]) => {
        const example = /such as ([[{].*[\]}])/.exec(property.description ?? '')?.[1]?.replace(/, or .*/, '')
        return example === undefined ? [] : [{ tool, key, property, value: JSON.parse(example) as unknown }]
      }),
    )
    expect(shown.length).toBeGreaterThan(8)
    for (const { property, value } of shown) expect(issuesOf(property, value)).toEqual([])
  })
})

describe('LangChain', () => {
  it.each(examples)('calls %s with %s', async (name, _shown, input) => {
    const tool = toolOf(name)
    const received: unknown[] = []
    const wrapped = langChainTool(
      (passed: unknown) => {
        received.push(checkInput(tool, passed).hash)
        return 'done'
      },
      { name, description: tool.description, schema: modelSchema(tool, 'STANDARD') },
    )
    await wrapped.invoke(input as never)
    expect(received).toEqual([checkInput(tool, input).hash])
  })

  it('refuses an input without a required key', async () => {
    const wrapped = langChainTool(() => 'done', {
      name: 'query',
      description: 'Query',
      schema: modelSchema(toolOf('notion_database_query'), 'STANDARD'),
    })
    await expect(wrapped.invoke({ page_size: 5 } as never)).rejects.toThrow('did not match expected schema')
  })
})

describe('the AI SDK', () => {
  it('passes the schemas to the model unchanged and runs the tools with its inputs', async () => {
    const received: string[] = []
    const model = new MockLanguageModelV3({
      doGenerate: {
        content: validInputs.map(([toolName, input], at) => ({
          type: 'tool-call' as const,
          toolCallId: String(at),
          toolName,
          input: JSON.stringify(input),
        })),
        finishReason: { unified: 'tool-calls', raw: undefined },
        usage: {
          inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 1, text: 1, reasoning: 0 },
        },
        warnings: [],
      },
    })
    const named = tools.map((tool) => [
      tool.name,
      dynamicTool({
        description: tool.description,
        inputSchema: jsonSchema(modelSchema(tool, 'STANDARD')),
        execute: async (input) => {
          received.push(checkInput(tool, input).hash)
          return 'done'
        },
      }),
    ])
    await generateText({ model, prompt: 'Go.', tools: Object.fromEntries(named) })
    expect(received.sort()).toEqual(validInputs.map(([name, input]) => checkInput(toolOf(name), input).hash).sort())
    expect(model.doGenerateCalls[0]?.tools?.map((tool) => 'inputSchema' in tool && tool.inputSchema)).toEqual(
      tools.map((tool) => modelSchema(tool, 'STANDARD')),
    )
  })
})

describe("Google's SDK", () => {
  it.each(['parameters', 'parametersJsonSchema'] as const)('sends %s with every description', async (place) => {
    const bodies: string[] = []
    const server = createServer((request, response) => {
      request.on('data', (chunk) => bodies.push(String(chunk)))
      request.on('end', () => response.setHeader('content-type', 'application/json').end('{"candidates":[]}'))
    }).listen(0, '127.0.0.1')
    try {
      await new Promise((done) => server.once('listening', done))
      const { port } = server.address() as AddressInfo
      const google = new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: `http://127.0.0.1:${port}` } })
      const functionDeclarations = tools.map((tool) => ({
        name: tool.name,
        description: tool.description,
        [place]: structuredClone(modelSchema(tool, 'GEMINI')),
      }))
      await google.models.generateContent({
        model: 'any',
        contents: 'Go.',
        config: { tools: [{ functionDeclarations }] },
      })
    } finally {
      server.close()
    }
    const sent = JSON.parse(bodies.join('')) as { tools: [{ functionDeclarations: Record<string, ModelSchema>[] }] }
    for (const [at, tool] of tools.entries()) {
      const schema = sent.tools[0].functionDeclarations[at]?.[place] as ModelSchema
      expect(descriptionsOf(schema)).toEqual(descriptionsOf(modelSchema(tool, 'STANDARD')))
      expect(JSON.stringify(schema)).not.toContain('TYPE_UNSPECIFIED')
    }
  })
})

/** The description of each parameter, without the word that only the string form needs. */
const descriptionsOf = (schema: ModelSchema) =>
  Object.entries(propertiesOf(schema)).map(([key, property]) => {
    const [first] = (property['anyOf'] ?? []) as readonly Property[]
    return [key, (property.description ?? first?.description)?.replace(/^JSON: /, '')]
  })
