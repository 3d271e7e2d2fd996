import * as z from 'zod'
import type { ResultLink } from './result-link.ts'

/** A JSON Schema (draft 2020-12) as zod prints it, with the keywords that this program reads. */
export interface SchemaNode {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly format?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | SchemaNode
  readonly items?: SchemaNode
  readonly prefixItems?: readonly SchemaNode[]
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly allOf?: readonly SchemaNode[]
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, SchemaNode>>
  readonly id?: string
  readonly links?: readonly ResultLink[]
  /** From `.meta({ shorthand: true })`: a plain string is accepted instead of an object or list. Models get a string. */
  readonly shorthand?: boolean
  /** From `.meta({ plainText: true })`: a string is the value itself, even where it looks like JSON. */
  readonly plainText?: boolean
  /** From `.meta({ blank: true })`: no value is `""` or `"null"`, so that these mean that an optional value is not given. */
  readonly blank?: boolean
  readonly minimum?: number
  readonly maximum?: number
  /** In UTF-16 code units, of which no string has fewer than characters. */
  readonly maxLength?: number
  readonly maxItems?: number
}

/** A cache: types are constants, and deriving a schema is slow. */
const inputSchemas = new WeakMap<z.ZodType, SchemaNode>()

/**
 * Returns what a zod type accepts as JSON Schema without references: named types are repeated where they are used.
 * Anything that JSON Schema cannot express (a transform's input) is `{}`. Recursive types stay references.
 */
export function inputSchema(type: z.ZodType): SchemaNode {
  const cached = inputSchemas.get(type)
  if (cached) return cached
  // A registry of its own: names from `.meta({ id })` would become references, which model providers refuse.
  const schema = z.toJSONSchema(type, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    metadata: withoutIds(),
  }) as SchemaNode
  inputSchemas.set(type, schema)
  return schema
}

/** zod's registry of descriptions without the names of types. */
function withoutIds(): typeof z.globalRegistry {
  const registry = z.registry<z.core.GlobalMeta>()
  registry.get = (schema) => {
    const meta = z.globalRegistry.get(schema)
    if (meta === undefined) return undefined
    const { id: _id, ...rest } = meta
    return rest as never
  }
  return registry as unknown as typeof z.globalRegistry
}

/** The kinds of JSON values. */
export type JsonKind = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object'

/** Returns the kinds of values that a node accepts; all of them for a node without a type. */
export function kindsOf(node: SchemaNode): ReadonlySet<JsonKind> {
  const alternatives = node.anyOf ?? node.oneOf
  if (alternatives) return new Set(alternatives.flatMap((one) => [...kindsOf(one)]))
  if (node.const !== undefined) return new Set([kindOf(node.const)])
  if (node.enum) return new Set(node.enum.map(kindOf))
  if (node.type === undefined) return everyKind
  const types = typeof node.type === 'string' ? [node.type] : node.type
  return new Set(types.map((type) => (type === 'integer' ? 'number' : (type as JsonKind))))
}

const everyKind: ReadonlySet<JsonKind> = new Set(['null', 'boolean', 'number', 'string', 'array', 'object'])

/** Returns the kind of a JSON value. */
export function kindOf(value: unknown): JsonKind {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  const type = typeof value
  return type === 'boolean' || type === 'number' || type === 'string' ? type : 'object'
}

/** Whether a node holds JSON without a fixed shape: any value, or objects with keys that are not known beforehand. */
export function isFreeForm(node: SchemaNode): boolean {
  const alternatives = node.anyOf ?? node.oneOf
  if (alternatives) return alternatives.some(isFreeForm)
  if (node.$ref !== undefined || node.allOf !== undefined) return true
  if (node.const !== undefined || node.enum !== undefined) return false
  const kinds = kindsOf(node)
  if (kinds.has('object') && (node.properties === undefined || typeof node.additionalProperties === 'object'))
    return true
  return kinds.has('array') && node.items === undefined
}
