import { z } from 'zod'
import { inputSchema, isFreeForm, kindsOf, type SchemaNode } from './schema-node.ts'
import type { AnyTool } from './tool.ts'

/** A JSON Schema for models. */
export type ModelSchema = Readonly<Record<string, unknown>>

/** Caches: tools are constants, and deriving a schema is slow. */
const modelSchemas = new WeakMap<AnyTool, ModelSchema>()
const outputSchemas = new WeakMap<AnyTool, ModelSchema>()

/**
 * Returns the input of a tool as a JSON Schema that OpenAI (strict mode of function tools), Anthropic (`input_schema`) and
 * Gemini (`parametersJsonSchema`) accept unchanged. Where their rules differ, the schema has the form that all accept:
 * - every object is closed (`additionalProperties: false`) and requires all of its keys, as OpenAI strict mode demands;
 * - an optional key accepts null, as `anyOf` with a null type: Gemini's OpenAI-compatible endpoint refuses lists of types;
 * - no `$ref`, `oneOf`, `allOf`, `const`, `format`, `pattern`, `default`, bounds or lengths: each is refused by one of the
 *   three. The description states what a model must know of them; the tool's own check decides;
 * - JSON without a fixed shape is a string that contains JSON, as strict mode has no open objects. The check parses it;
 * - a value for which a plain string may be passed (`.meta({ shorthand: true })`) is a string.
 *
 * Throws for an input without such a form, with the path in the message.
 */
export function modelSchema(tool: AnyTool): ModelSchema {
  const cached = modelSchemas.get(tool)
  if (cached) return cached
  const schema = toModelNode(inputSchema(tool.input), tool.name, false)
  if (schema['type'] !== 'object') throw new Error(`${tool.name}: the input of a tool must be an object.`)
  modelSchemas.set(tool, schema)
  return schema
}

/** Returns a tool's RAW result as JSON Schema (draft 2020-12). For programs; models do not get it. */
export function outputSchema(tool: AnyTool): ModelSchema {
  const cached = outputSchemas.get(tool)
  if (cached) return cached
  const schema = z.toJSONSchema(tool.output, { io: 'output', unrepresentable: 'any' })
  outputSchemas.set(tool, schema)
  return schema
}

function toModelNode(node: SchemaNode, path: string, optional: boolean): ModelSchema {
  const text = describe(node)
  const description = text === undefined ? {} : { description: text }
  const nullable = optional || (kindsOf(node).has('null') && !isUntyped(node))
  const bare = toBareNode(node, path)
  return nullable ? { anyOf: [...alternativesOf(bare), { type: 'null' }], ...description } : { ...bare, ...description }
}

/** The node without its description and without null. */
function toBareNode(node: SchemaNode, path: string): ModelSchema {
  if (isFreeForm(node) || node.prefixItems || node.shorthand) return { type: 'string' }
  const alternatives = node.anyOf ?? node.oneOf
  if (alternatives) {
    const others = alternatives.filter((one) => one.type !== 'null')
    const [only] = others
    if (others.length === 1 && only) return toBareNode(only, path)
    return { anyOf: others.map((one, at) => toModelNode(one, `${path}|${at}`, false)) }
  }
  const values = node.enum ?? (node.const === undefined ? undefined : [node.const])
  if (values) return enumNode(values, path)
  const types = typeof node.type === 'string' ? [node.type] : (node.type ?? []).filter((type) => type !== 'null')
  const [type, second] = types
  if (type === undefined) throw new Error(`${path}: a schema without a type cannot be shown to models.`)
  if (second !== undefined) return { anyOf: types.map((one) => ({ type: one })) }
  if (type === 'array') {
    // One JSON string for the whole list: shorter, and closer to what models know, than one for each item.
    const items = node.items ?? {}
    return isFreeForm(items) ? { type: 'string' } : { type, items: toModelNode(items, `${path}[]`, false) }
  }
  if (type !== 'object') return { type }
  const properties = Object.entries(node.properties ?? {})
  const required = node.required ?? []
  return {
    type,
    properties: Object.fromEntries(
      properties.map(([key, property]) => [
        key,
        toModelNode(property, `${path}.${key}`, !required.includes(key) || property.default !== undefined),
      ]),
    ),
    required: properties.map(([key]) => key),
    additionalProperties: false,
  }
}

function enumNode(values: readonly unknown[], path: string): ModelSchema {
  const stated = values.filter((value) => value !== null)
  if (stated.every((value) => typeof value === 'string')) return { type: 'string', enum: stated }
  if (stated.every((value) => typeof value === 'boolean')) return { type: 'boolean' }
  if (stated.every((value) => typeof value === 'number')) return { type: 'number' }
  throw new Error(`${path}: an enum of mixed kinds cannot be shown to models.`)
}

/** Returns the description, with the word JSON when the value must be a JSON string. */
function describe(node: SchemaNode): string | undefined {
  const held =
    holdsJson(node) && !node.shorthand && !/json/i.test(node.description ?? '') && !kindsOf(node).has('string')
  return held ? `JSON${node.description === undefined ? '' : `: ${node.description}`}` : node.description
}

const holdsJson = (node: SchemaNode): boolean =>
  isFreeForm(node) || (node.items !== undefined && isFreeForm(node.items))

const isUntyped = (node: SchemaNode) => isFreeForm(node) && node.anyOf === undefined && node.oneOf === undefined

const alternativesOf = (node: ModelSchema): readonly unknown[] =>
  Array.isArray(node['anyOf']) ? node['anyOf'] : [node]
