import type { InputRef, InputType } from '@pothos/core'
import { inputSchema, isFreeForm, kindsOf, type SchemaNode } from '../../tools/schema-node.ts'
import type { AnyTool } from '../../tools/tool.ts'
import { builder } from '../builder.ts'
import { type EnumTypes, enumTypeOf, enumValuesOf } from './enum-type.ts'
import { camelCase, pascalCase } from './names.ts'

/** The GraphQL input type of a tool, and the conversion to the input of the tool. */
export interface ToolInputType {
  /** Null for a tool without input: GraphQL has no input types without fields. */
  readonly ref: InputRef<Record<string, unknown>> | null
  /** Converts GraphQL fields (`pageSize`) to keys of the tool (`page_size`). JSON without a fixed shape is unchanged. */
  toToolInput(value: unknown): unknown
  /** Converts a path in the input of the tool (`sorts.0.page_size`) to the path in the GraphQL input. */
  toFieldPath(path: string): string
}

/**
 * Creates the input type of a tool from its definition, with descriptions, defaults and enums. JSON without a fixed shape
 * becomes JSON or JSONObject. GraphQL checks the types only; the pipeline checks the input, as for every entrance. Throws
 * at start-up, with the path, for what GraphQL cannot express.
 */
export function toolInputType(tool: AnyTool, enums: EnumTypes): ToolInputType {
  const schema = inputSchema(tool.input)
  const takesNothing = Object.keys(schema.properties ?? {}).length === 0
  return {
    ref: takesNothing
      ? null
      : objectInput(enums, `${pascalCase(tool.name)}Input`, schema, `Input of ${tool.name}.`, tool.name),
    toToolInput: (value) => toToolKeys(schema, value),
    toFieldPath: (path) => toFieldPath(schema, path),
  }
}

type FieldType = InputType<(typeof builder)['$inferSchemaTypes']>

interface FieldKind {
  readonly type: FieldType | [FieldType]
  /** The default of the schema. */
  readonly defaultValue?: unknown
}

function objectInput(enums: EnumTypes, name: string, node: SchemaNode, description: string, path: string) {
  const ref = builder.inputRef<Record<string, unknown>>(name)
  const fields = Object.entries(node.properties ?? {}).map(([key, property]) => {
    const place = `${path}.${key}`
    return [
      camelCase(key),
      { key, property, kind: kindOfField(enums, `${name.replace(/Input$/, '')}${pascalCase(key)}`, property, place) },
    ] as const
  })
  if (fields.length === 0) throw new Error(`${path}: GraphQL cannot express an object without keys.`)
  if (new Set(fields.map(([field]) => field)).size < fields.length) {
    throw new Error(`${path}: two keys have the same GraphQL name.`)
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
            description: property.description ?? `\`${key}\` of the input of the tool.`,
            ...(defaultValue === undefined ? {} : { defaultValue }),
          }
          return [field, t.field(options as never)]
        }),
      ) as never,
  })
  return ref
}

function kindOfField(enums: EnumTypes, name: string, property: SchemaNode, path: string): FieldKind {
  const node = withoutNull(property)
  const carried = property.default ?? node.default
  const defaultValue = carried === undefined || carried === null ? {} : { defaultValue: carried }
  const values = enumValuesOf(node)
  if (values) {
    const type = enumTypeOf(enums, name, values, property.description ?? `\`${name}\` at the provider.`, path)
    return { type, ...defaultValue }
  }
  const kinds = [...kindsOf(node)]
  if (node.anyOf || node.oneOf || kinds.length !== 1) return { type: 'JSON', ...defaultValue }
  const [kind] = kinds
  if (kind === 'array') {
    if (isFreeForm(node) || !node.items) return { type: ['JSON'], ...defaultValue }
    const item = kindOfField(enums, name, node.items, `${path}[]`)
    if (Array.isArray(item.type)) return { type: ['JSON'], ...defaultValue }
    return { type: [item.type], ...defaultValue }
  }
  if (kind === 'object') {
    if (isFreeForm(node)) return { type: 'JSONObject', ...defaultValue }
    return { type: objectInput(enums, `${name}Input`, node, property.description ?? `Content of \`${path}\`.`, path) }
  }
  if (kind === 'string') return { type: 'String', ...defaultValue }
  if (kind === 'boolean') return { type: 'Boolean', ...defaultValue }
  if (kind === 'number') return { type: isInt(node) ? 'Int' : 'Float', ...defaultValue }
  throw new Error(`${path}: GraphQL cannot express ${JSON.stringify(property)}.`)
}

/** Whether a node fits into GraphQL's Int, which has 32 bits. */
export function isInt(node: SchemaNode): boolean {
  const { type, minimum = -Infinity, maximum = Infinity } = node
  return type === 'integer' && minimum >= -(2 ** 31) && maximum < 2 ** 31
}

/** Returns the other node of a choice between null and one other; any other node unchanged. */
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
