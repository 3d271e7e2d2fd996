import { z } from 'zod'
import { inputSchema, isFreeForm, kindsOf, type SchemaNode } from './schema-node.ts'
import type { AnyTool } from './tool.ts'

/** A JSON Schema in the form that models get. */
export type ModelSchema = Readonly<Record<string, unknown>>

const modelSchemas = new WeakMap<AnyTool, ModelSchema>()
const outputSchemas = new WeakMap<AnyTool, ModelSchema>()

/**
 * The input of a tool as the JSON Schema that OpenAI (strict mode of function tools), Anthropic (`input_schema`) and
 * Gemini (`parametersJsonSchema`) accept as it is. Where their rules differ, the form that all of them take:
 * - every object closed (`additionalProperties: false`) and all of its keys required, as OpenAI strict mode asks;
 * - a key that may be left out takes null, as `anyOf` with a null type: Gemini's OpenAI-compatible endpoint refuses lists
 *   of types;
 * - no `$ref`, `oneOf`, `allOf`, `const`, `format`, `pattern`, `default`, bounds or lengths: each of them is refused by one
 *   of the three. What a model has to know of them stands in the description; the tool's own check decides;
 * - JSON without a fixed shape is a string that holds JSON, as strict mode has no open objects. The check reads it.
 * Throws at start-up for what has no such form, with its place.
 */
export function modelSchema(tool: AnyTool): ModelSchema {
  const known = modelSchemas.get(tool)
  if (known) return known
  const made = toModelNode(inputSchema(tool.input), tool.name, false)
  if (made['type'] !== 'object') throw new Error(`${tool.name}: the input of a tool has to be an object.`)
  modelSchemas.set(tool, made)
  return made
}

/** What a tool gives in RAW, as JSON Schema (draft 2020-12). For programs; models do not get it. */
export function outputSchema(tool: AnyTool): ModelSchema {
  const known = outputSchemas.get(tool)
  if (known) return known
  const made = z.toJSONSchema(tool.output, { io: 'output', unrepresentable: 'any' })
  outputSchemas.set(tool, made)
  return made
}

function toModelNode(node: SchemaNode, path: string, optional: boolean): ModelSchema {
  const text = describe(node)
  const description = text === undefined ? {} : { description: text }
  const nullable = optional || (kindsOf(node).has('null') && !saysNothing(node))
  const bare = toBareNode(node, path)
  return nullable ? { anyOf: [...alternativesOf(bare), { type: 'null' }], ...description } : { ...bare, ...description }
}

/** The node without its description and without null. */
function toBareNode(node: SchemaNode, path: string): ModelSchema {
  if (isFreeForm(node) || node.prefixItems) return { type: 'string' }
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
  if (type === undefined) throw new Error(`${path}: a schema without a type has no form for models.`)
  if (second !== undefined) return { anyOf: types.map((one) => ({ type: one })) }
  if (type === 'array') {
    // One text for the whole list, not one for each item: shorter, and nearer to what models know.
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
  throw new Error(`${path}: an enum of mixed kinds has no form for models.`)
}

/** A description with the word JSON where a text has to hold it. */
function describe(node: SchemaNode): string | undefined {
  const held = holdsJson(node) && !/json/i.test(node.description ?? '') && !kindsOf(node).has('string')
  return held ? `JSON${node.description === undefined ? '' : `: ${node.description}`}` : node.description
}

const holdsJson = (node: SchemaNode): boolean =>
  isFreeForm(node) || (node.items !== undefined && isFreeForm(node.items))

const saysNothing = (node: SchemaNode) => isFreeForm(node) && node.anyOf === undefined && node.oneOf === undefined

const alternativesOf = (node: ModelSchema): readonly unknown[] =>
  Array.isArray(node['anyOf']) ? node['anyOf'] : [node]
