import * as z from 'zod'
import { inputSchema, isFreeForm, kindsOf, type SchemaNode } from './schema-node.ts'
import type { AnyTool, OutputFormat } from './tool.ts'

/** A JSON Schema for models. */
export type ModelSchema = Readonly<Record<string, unknown>>

/** The forms of a schema: plain JSON Schema, and what one provider accepts of it. */
export const schemaDialects = ['STANDARD', 'OPENAI_STRICT', 'GEMINI'] as const

export type SchemaDialect = (typeof schemaDialects)[number]

/** Caches: the inputs of tools are constants, and deriving a schema is slow. */
const modelSchemas: Readonly<Record<SchemaDialect, WeakMap<z.ZodType, ModelSchema>>> = {
  STANDARD: new WeakMap(),
  OPENAI_STRICT: new WeakMap(),
  GEMINI: new WeakMap(),
}
const outputSchemas = new WeakMap<z.ZodType, ModelSchema>()

/** Returns the schema of a tool's result in a format. */
const resultTypes: Readonly<Record<OutputFormat, (tool: AnyTool) => z.ZodType>> = {
  RAW: (tool) => tool.output,
  COMPACT: (tool) => tool.compact ?? anyJson,
  MARKDOWN: () => markdown,
}

const anyJson = z.unknown()
const markdown = z.string().describe('Markdown for a model to read.')

/**
 * Returns the input of a tool as a JSON Schema for models. Each dialect describes inputs that {@link checkInput} accepts.
 * - `STANDARD` is draft 2020-12: JSON without a fixed shape is an object or array, optional keys may be absent, and bounds
 *   and defaults are stated. Anthropic, MCP, LangChain and the AI SDK take it unchanged.
 * - `OPENAI_STRICT` is what function tools with `strict: true` accept: every key is required, an optional key accepts null
 *   instead, and JSON without a fixed shape is a string that contains JSON, as strict mode has no open objects.
 * - `GEMINI` is what both `parameters` and `parametersJsonSchema` of a function declaration accept: no lists of types, no
 *   `additionalProperties`, and JSON without a fixed shape is a string that contains JSON, as an object needs properties.
 *
 * Maximum lengths, of content and of short lists, are stated in `STANDARD` alone. No dialect has `$ref`, `oneOf`, `allOf`, `format` or `pattern`: providers
 * refuse them or ignore them. Throws for an input without such a form, with the path in the message.
 *
 * @see https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
 * @see https://ai.google.dev/api/caching#Schema
 */
export function modelSchema(tool: AnyTool, dialect: SchemaDialect): ModelSchema {
  const cached = modelSchemas[dialect].get(tool.input)
  if (cached) return cached
  const schema = toModelNode(inputSchema(tool.input), dialect, tool.name, false)
  if (schema['type'] !== 'object') throw new Error(`${tool.name}: the input of a tool must be an object.`)
  modelSchemas[dialect].set(tool.input, schema)
  return schema
}

/** Returns a tool's result in a format as JSON Schema (draft 2020-12). For programs; models do not get it. */
export function outputSchema(tool: AnyTool, format: OutputFormat = 'RAW'): ModelSchema {
  const type = resultTypes[format](tool)
  const cached = outputSchemas.get(type)
  if (cached) return cached
  const schema = z.toJSONSchema(type, { io: 'output', unrepresentable: 'any' })
  outputSchemas.set(type, schema)
  return schema
}

function toModelNode(node: SchemaNode, dialect: SchemaDialect, path: string, optional: boolean): ModelSchema {
  const bare = toBareNode(node, dialect, path)
  const text = describe(node, bare)
  const description = text === undefined ? {} : { description: text }
  const takesNull = kindsOf(node).has('null') && !isUntyped(node)
  if (!takesNull && !(optional && dialect === 'OPENAI_STRICT')) return { ...bare, ...description }
  // Inside the alternative, since Google's SDK drops what is next to `anyOf` with a null type.
  if (dialect === 'GEMINI') return { anyOf: [{ ...bare, ...description }, { type: 'null' }] }
  return { ...withNull(bare), ...description }
}

/** The node without its description and without null. */
function toBareNode(node: SchemaNode, dialect: SchemaDialect, path: string): ModelSchema {
  if (dialect === 'STANDARD') {
    if (node.shorthand) return shorthandNode(node, path)
  } else if (isFreeForm(node) || node.prefixItems || node.shorthand) {
    return { type: 'string' }
  }
  const alternatives = node.anyOf ?? node.oneOf
  if (alternatives) {
    const others = alternatives.filter((one) => one.type !== 'null')
    const [only] = others
    if (others.length === 1 && only) return toBareNode(only, dialect, path)
    return { anyOf: others.map((one, at) => toModelNode(one, dialect, `${path}|${at}`, false)) }
  }
  const values = node.enum ?? (node.const === undefined ? undefined : [node.const])
  if (values) return { ...enumNode(values, path), ...defaultOf(node, dialect) }
  const types = typeof node.type === 'string' ? [node.type] : (node.type ?? []).filter((type) => type !== 'null')
  const [type, second] = types
  if (type === undefined) {
    if (dialect === 'STANDARD') return {}
    throw new Error(`${path}: a schema without a type cannot be shown to models.`)
  }
  if (second !== undefined) return { anyOf: types.map((one) => ({ type: one })) }
  if (type === 'array') {
    const items = node.items ?? {}
    // One JSON string for the whole list: shorter, and closer to what models know, than one for each item.
    if (dialect !== 'STANDARD' && isFreeForm(items)) return { type: 'string' }
    const shown = toModelNode(items, dialect, `${path}[]`, false)
    return { type, items: shown, ...(dialect === 'STANDARD' && boundsOf(node)) }
  }
  if (type !== 'object')
    return { type, ...(dialect === 'STANDARD' && { ...boundsOf(node), ...defaultOf(node, dialect) }) }
  return isFreeForm(node) ? { type } : objectNode(node, dialect, path)
}

function objectNode(node: SchemaNode, dialect: SchemaDialect, path: string): ModelSchema {
  const properties = Object.entries(node.properties ?? {})
  const stated = (node.required ?? []).filter((key) => node.properties?.[key]?.default === undefined)
  const required = dialect === 'OPENAI_STRICT' ? properties.map(([key]) => key) : stated
  return {
    type: 'object',
    properties: Object.fromEntries(
      properties.map(([key, property]) => [
        key,
        toModelNode(property, dialect, `${path}.${key}`, !stated.includes(key)),
      ]),
    ),
    ...((required.length > 0 || dialect === 'OPENAI_STRICT') && { required }),
    ...(dialect !== 'GEMINI' && { additionalProperties: false }),
  }
}

/** A plain string, or the object or list that it is short for. The check of the input rewrites both, so neither is closed. */
function shorthandNode(node: SchemaNode, path: string): ModelSchema {
  const kinds = [...kindsOf(node)].filter((kind) => kind !== 'null' && kind !== 'string')
  const items = node.items && toModelNode(node.items, 'STANDARD', `${path}[]`, false)
  return { type: ['string', ...kinds], ...(items && { items }), ...boundsOf(node) }
}

function enumNode(values: readonly unknown[], path: string): ModelSchema {
  const stated = values.filter((value) => value !== null)
  if (stated.every((value) => typeof value === 'string')) return { type: 'string', enum: stated }
  if (stated.every((value) => typeof value === 'boolean')) return { type: 'boolean' }
  if (stated.every((value) => typeof value === 'number')) return { type: 'number' }
  throw new Error(`${path}: an enum of mixed kinds cannot be shown to models.`)
}

/** Returns the node with null as a further value. */
function withNull(node: ModelSchema): ModelSchema {
  const { anyOf, type, enum: values } = node
  if (Array.isArray(anyOf)) return { ...node, anyOf: [...anyOf, { type: 'null' }] }
  if (type === undefined) return node
  const types = Array.isArray(type) ? type : [type]
  return { ...node, type: [...types, 'null'], ...(Array.isArray(values) && { enum: [...values, null] }) }
}

/**
 * The maximums that are worth their tokens: of content, which a model may write at any length, and of lists that it may fill.
 * No name, ID or cursor reaches its maximum, and no request holds the blocks of the longest list of them.
 */
const minStatedLength = 10_000
const maxStatedItems = 100

const boundsOf = ({ minimum, maximum, maxLength, maxItems }: SchemaNode) => ({
  // Bounds that only keep a number exact state nothing.
  ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
  ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
  // No minimums: an empty value of an optional key is accepted as one that is not given.
  ...(maxLength !== undefined && maxLength >= minStatedLength && { maxLength }),
  ...(maxItems !== undefined && maxItems <= maxStatedItems && { maxItems }),
})

const defaultOf = (node: SchemaNode, dialect: SchemaDialect) =>
  dialect === 'STANDARD' && node.default !== undefined ? { default: node.default } : {}

/** Returns the description, with the word JSON where an object or list must be a JSON string. */
function describe(node: SchemaNode, shown: ModelSchema): string | undefined {
  const asString = shown['type'] === 'string' && !node.shorthand && !kindsOf(node).has('string')
  if (!asString || /json/i.test(node.description ?? '') || node.enum || node.const !== undefined)
    return node.description
  return `JSON${node.description === undefined ? '' : `: ${node.description}`}`
}

const isUntyped = (node: SchemaNode) => isFreeForm(node) && node.anyOf === undefined && node.oneOf === undefined
