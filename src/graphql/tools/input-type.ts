import type { InputRef, InputType } from '@pothos/core'
import { inputSchema, isFreeForm, kindsOf, type SchemaNode } from '../../tools/schema-node.ts'
import type { AnyTool } from '../../tools/tool.ts'
import { builder } from '../builder.ts'
import { enumTypeOf, enumValuesOf } from './enum-type.ts'
import { camelCase, pascalCase } from './names.ts'

/** The GraphQL input type of a tool, with the way back to what the tool takes. */
export interface ToolInputType {
  /** Null for a tool that takes nothing: GraphQL has no input types without fields. */
  readonly ref: InputRef<Record<string, unknown>> | null
  /** GraphQL's fields (`pageSize`) as the tool's keys (`page_size`). JSON without a fixed shape is left as it is. */
  toToolInput(value: unknown): unknown
  /** A place in the tool's input (`sorts.0.page_size`) as the place in GraphQL's. */
  toFieldPath(path: string): string
}

/**
 * Makes the input type of a tool out of its one definition: descriptions, defaults and enums carry over, JSON without a
 * fixed shape is JSON or JSONObject. No check happens here but GraphQL's own; the pipeline checks, as for every entrance.
 * Throws at start-up for what has no form in GraphQL, with its place.
 */
export function toolInputType(tool: AnyTool): ToolInputType {
  const schema = inputSchema(tool.input)
  const takesNothing = Object.keys(schema.properties ?? {}).length === 0
  return {
    ref: takesNothing
      ? null
      : objectInput(`${pascalCase(tool.name)}Input`, schema, `What ${tool.name} takes.`, tool.name),
    toToolInput: (value) => toToolKeys(schema, value),
    toFieldPath: (path) => toFieldPath(schema, path),
  }
}

type FieldType = InputType<(typeof builder)['$inferSchemaTypes']>

interface FieldKind {
  readonly type: FieldType | [FieldType]
  /** A default of the schema as GraphQL prints it. */
  readonly defaultValue?: unknown
}

function objectInput(name: string, node: SchemaNode, description: string, path: string) {
  const ref = builder.inputRef<Record<string, unknown>>(name)
  const fields = Object.entries(node.properties ?? {}).map(([key, property]) => {
    const place = `${path}.${key}`
    return [
      camelCase(key),
      { key, property, kind: kindOfField(`${name.replace(/Input$/, '')}${pascalCase(key)}`, property, place) },
    ] as const
  })
  if (fields.length === 0) throw new Error(`${path}: an object without keys has no form in GraphQL.`)
  if (new Set(fields.map(([field]) => field)).size < fields.length) {
    throw new Error(`${path}: two keys have one name in GraphQL.`)
  }
  ref.implement({
    description,
    fields: (t) =>
      Object.fromEntries(
        fields.map(([field, { key, property, kind }]) => {
          const { defaultValue } = kind
          const options = {
            type: kind.type,
            required: (node.required ?? []).includes(key) && defaultValue === undefined,
            description: describe(property) ?? `\`${key}\` of the tool's input.`,
            ...(defaultValue === undefined ? {} : { defaultValue }),
          }
          return [field, t.field(options as never)]
        }),
      ) as never,
  })
  return ref
}

function kindOfField(name: string, property: SchemaNode, path: string): FieldKind {
  const node = withoutNull(property)
  const carried = property.default ?? node.default
  const defaultValue = carried === undefined || carried === null ? {} : { defaultValue: carried }
  const values = enumValuesOf(node)
  if (values) {
    const type = enumTypeOf(name, values, describe(property) ?? `\`${name}\` at the provider.`, path)
    return { type, ...defaultValue }
  }
  const kinds = [...kindsOf(node)]
  if (node.anyOf || node.oneOf || kinds.length !== 1) return { type: 'JSON', ...defaultValue }
  const [kind] = kinds
  if (kind === 'array') {
    if (isFreeForm(node) || !node.items) return { type: ['JSON'], ...defaultValue }
    const item = kindOfField(name, node.items, `${path}[]`)
    if (Array.isArray(item.type)) return { type: ['JSON'], ...defaultValue }
    return { type: [item.type], ...defaultValue }
  }
  if (kind === 'object') {
    if (isFreeForm(node)) return { type: 'JSONObject', ...defaultValue }
    return { type: objectInput(`${name}Input`, node, describe(property) ?? `What \`${path}\` holds.`, path) }
  }
  if (kind === 'string') return { type: 'String', ...defaultValue }
  if (kind === 'boolean') return { type: 'Boolean', ...defaultValue }
  if (kind === 'number') return { type: isInt(node) ? 'Int' : 'Float', ...defaultValue }
  throw new Error(`${path}: ${JSON.stringify(property)} has no form in GraphQL.`)
}

const describe = ({ description, documentation }: SchemaNode): string | undefined => description ?? documentation

/** GraphQL's Int has 32 bits. */
export function isInt(node: SchemaNode): boolean {
  const { type, minimum = -Infinity, maximum = Infinity } = node
  return type === 'integer' && minimum >= -(2 ** 31) && maximum < 2 ** 31
}

/** The node beside null, where it is a choice between null and one other. */
export function withoutNull(node: SchemaNode): SchemaNode {
  const alternatives = node.anyOf ?? node.oneOf
  if (alternatives) {
    const others = alternatives.filter((one) => one.type !== 'null')
    const [only] = others
    return others.length === 1 && only ? withoutNull(only) : node
  }
  if (typeof node.type === 'string' || node.type === undefined) return node
  const [only, second] = node.type.filter((type) => type !== 'null')
  return only !== undefined && second === undefined ? { ...node, type: only } : node
}

function toToolKeys(schema: SchemaNode, value: unknown): unknown {
  const node = withoutNull(schema)
  if (Array.isArray(value)) {
    const { items } = node
    return items ? value.map((item) => toToolKeys(items, item)) : value
  }
  if (typeof value !== 'object' || value === null || isFreeForm(node) || !node.properties) return value
  const given = new Map(Object.entries(value))
  return Object.fromEntries(
    Object.entries(node.properties).flatMap(([key, property]) => {
      const inner = given.get(camelCase(key))
      return inner === undefined ? [] : [[key, toToolKeys(property, inner)]]
    }),
  )
}

function toFieldPath(schema: SchemaNode, path: string): string {
  if (path === '') return path
  let node: SchemaNode | undefined = withoutNull(schema)
  return path
    .split('.')
    .map((step) => {
      const isKey: boolean = node?.properties !== undefined && Object.hasOwn(node.properties, step)
      const next: SchemaNode | undefined = isKey ? node?.properties?.[step] : node?.items
      node = next && withoutNull(next)
      return isKey ? camelCase(step) : step
    })
    .join('.')
}
