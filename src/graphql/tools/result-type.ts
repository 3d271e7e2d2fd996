import type { ObjectRef, TypeParam } from '@pothos/core'
import type { GraphQLResolveInfo } from 'graphql'
import * as z from 'zod'
import type { ResultLink } from '../../tools/result-link.ts'
import { isFreeForm, kindsOf, type SchemaNode } from '../../tools/schema-node.ts'
import type { AnyTool, ToolCatalogue } from '../../tools/tool.ts'
import { builder } from '../builder.ts'
import type { GraphQLContext } from '../context.ts'
import { type EnumTypes, enumTypeOf, enumValuesOf } from './enum-type.ts'
import { isInt, withoutNull } from './input-type.ts'
import { followLink } from './linked-object.ts'
import { camelCase, pascalCase } from './names.ts'

type Model = Readonly<Record<string, unknown>>
type OutputType = TypeParam<(typeof builder)['$inferSchemaTypes']>

/** One field of an object for the builder. `value` returns it from the object. */
export interface ResultField {
  readonly type: OutputType
  readonly nullable: boolean | { readonly list: boolean; readonly items: boolean }
  readonly description: string
  readonly value: (model: Model, context: GraphQLContext, info: GraphQLResolveInfo) => unknown
}

/** A type with a name of its own. `printed` is its definition. */
interface NamedType {
  readonly printed: string
  readonly type: OutputType
}

/** The types of one schema that are made from the tools, by name. Tools share them. */
export interface ToolTypes {
  readonly enums: EnumTypes
  readonly named: Map<string, NamedType>
}

/** A place in the definition of a result. */
interface Place {
  readonly types: ToolTypes
  readonly catalogue: ToolCatalogue
  readonly defs: Readonly<Record<string, SchemaNode>>
  /** The name of an object that has none of its own. */
  readonly name: string
  /** For errors. */
  readonly path: string
}

/**
 * Returns the fields of a tool's typed result by name, from the definition of the tool. Tools share types with
 * `.meta({ id })` under that name; other types are named after their place. Throws at start-up for what GraphQL cannot
 * express, and for two different types of one name.
 */
export function resultFields(
  tool: AnyTool,
  catalogue: ToolCatalogue,
  types: ToolTypes,
): Readonly<Record<string, ResultField>> {
  const { root, place } = resultOf(tool, catalogue, types)
  return fieldsOf(root, place)
}

function resultOf(
  tool: AnyTool,
  catalogue: ToolCatalogue,
  types: ToolTypes,
): { readonly root: SchemaNode; readonly place: Place } {
  const schema = resultSchema(tool.result)
  const defs = schema.$defs ?? {}
  return {
    root: schema.$ref === undefined ? schema : resolve(schema.$ref, defs, tool.name),
    place: { types, catalogue, defs, name: pascalCase(tool.name), path: `${tool.name}.result` },
  }
}

/** A cache: a tool whose result is linked to is asked for it several times. */
const resultSchemas = new WeakMap<z.ZodType, SchemaNode>()

function resultSchema(type: z.ZodType): SchemaNode {
  const cached = resultSchemas.get(type)
  if (cached) return cached
  const schema = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as SchemaNode
  resultSchemas.set(type, schema)
  return schema
}

function fieldsOf(node: SchemaNode, place: Place): Readonly<Record<string, ResultField>> {
  const fields = Object.entries(node.properties ?? {}).map(([key, property]): [string, ResultField] => {
    const at = { ...place, name: `${place.name}${pascalCase(key)}`, path: `${place.path}.${key}` }
    const { type, nullable } = typeOf(property, at)
    return [
      camelCase(key),
      {
        type,
        nullable: nullable || !(node.required ?? []).includes(key),
        description: describe(property, place.defs) ?? `\`${key}\` at the provider.`,
        value: (model) => model[key] ?? null,
      },
    ]
  })
  if (fields.length === 0) throw new Error(`${place.path}: GraphQL cannot express an object without keys.`)
  return Object.fromEntries(fields)
}

function describe(node: SchemaNode, defs: Place['defs']): string | undefined {
  if (node.description !== undefined || node.$ref === undefined)
    return node.description ?? withoutNull(node).description
  return defs[node.$ref.replace('#/$defs/', '')]?.description
}

interface Typed {
  readonly type: OutputType
  readonly nullable: boolean
}

function typeOf(given: SchemaNode, place: Place): Typed {
  const node = withoutNull(given)
  const nullable = node !== given
  if (node.$ref !== undefined) return { type: namedType(node.$ref, place), nullable }
  const values = enumValuesOf(node)
  // An enum of one value would only be harder to read than a string.
  if (values && values.length > 1) {
    return {
      type: enumTypeOf(
        place.types.enums,
        place.name,
        values,
        given.description ?? `Values of \`${place.path}\`.`,
        place.path,
      ),
      nullable,
    }
  }
  if (values) return { type: 'String', nullable }
  const alternatives = node.anyOf ?? node.oneOf
  if (alternatives) return { type: unionType(place.name, given.description, alternatives, place), nullable }
  const kinds = kindsOf(node)
  if (kinds.size !== 1) return { type: 'JSON', nullable: nullable || kinds.has('null') }
  const [kind] = kinds
  if (kind === 'string') return { type: node.format === 'date-time' ? 'DateTime' : 'String', nullable }
  if (kind === 'boolean') return { type: 'Boolean', nullable }
  if (kind === 'number') return { type: isInt(node) ? 'Int' : 'Float', nullable }
  if (kind === 'array') {
    if (!node.items) return { type: ['JSON'], nullable }
    const item = typeOf(node.items, place)
    if (Array.isArray(item.type)) return { type: ['JSON'], nullable }
    if (item.nullable) throw new Error(`${place.path}: a list with nullable items is not supported.`)
    return { type: [item.type] as OutputType, nullable }
  }
  if (kind === 'object') {
    if (isFreeForm(node)) return { type: 'JSONObject', nullable }
    return { type: objectType(place.name, given.description ?? `Content of \`${place.path}\`.`, node, place), nullable }
  }
  throw new Error(`${place.path}: GraphQL cannot express ${JSON.stringify(given)}.`)
}

function resolve(ref: string, defs: Place['defs'], path: string): SchemaNode {
  const found = defs[ref.replace('#/$defs/', '')]
  if (!found) throw new Error(`${path}: ${ref} is not defined.`)
  return found
}

function namedType(ref: string, place: Place): OutputType {
  const name = ref.replace('#/$defs/', '')
  const node = resolve(ref, place.defs, place.path)
  // zod generates a name for an unnamed type that refers to itself: JSON of any shape.
  if (name.startsWith('__')) return 'JSON'
  // zod numbers unnamed types by their order within each tool.
  const printed = JSON.stringify(node).replaceAll(/#\/\$defs\/__schema\d+/g, '#')
  const known = place.types.named.get(name)
  if (known) {
    if (known.printed !== printed) throw new Error(`${place.path}: two different result types are called ${name}.`)
    return known.type
  }
  const at = { ...place, name, path: name }
  const description = node.description ?? `\`${name}\` at the provider.`
  const values = enumValuesOf(node)
  const alternatives = node.anyOf ?? node.oneOf
  const remember = (type: OutputType) => {
    place.types.named.set(name, { printed, type })
    return type
  }
  if (values) return remember(enumTypeOf(place.types.enums, name, values, description, name))
  if (alternatives) return remember(unionType(name, node.description, alternatives, at))
  if (!node.properties) return remember(typeOf(node, at).type)
  // Known before its fields are made, since they may refer to it.
  const type = builder.objectRef<Model>(name)
  remember(type)
  const fields = fieldsOf(node, at)
  implementObject(type, description, () => ({ ...fields, ...linkFields(node.links ?? [], fields, at) }))
  return type
}

/** Returns the fields that lead to other objects. Made last, when the types of all tools are known. */
function linkFields(
  links: readonly ResultLink[],
  fields: Readonly<Record<string, ResultField>>,
  place: Place,
): Readonly<Record<string, ResultField>> {
  return Object.fromEntries(
    links.map((link) => {
      const path = `${place.path}.${link.field}`
      const tool = place.catalogue.find(link.tool)
      if (!tool?.readOnly) throw new Error(`${path}: the tool ${link.tool} must exist and be read-only.`)
      if (Object.hasOwn(fields, link.field)) throw new Error(`${path}: a field of this name exists already.`)
      const target = resultOf(tool, place.catalogue, place.types)
      const linked = target.root.properties?.[link.result]
      if (!linked) throw new Error(`${path}: the result of ${link.tool} has no ${link.result}.`)
      const one = typeOf(linked, { ...target.place, path: `${target.place.path}.${link.result}` }).type
      const isList = link.each !== undefined
      const { field, description } = link
      return [
        field,
        {
          type: isList ? ([one] as OutputType) : one,
          // An unavailable object must not make the others null.
          nullable: isList ? { list: true, items: true } : true,
          description,
          value: (model, context, info) => followLink(link, model, context, info),
        },
      ] satisfies [string, ResultField]
    }),
  )
}

function objectType(name: string, description: string, node: SchemaNode, place: Place): ObjectRef<never, Model> {
  const type = builder.objectRef<Model>(name)
  const fields = fieldsOf(node, { ...place, name })
  implementObject(type as never, description, () => fields)
  return type as never
}

function implementObject(
  type: ReturnType<typeof builder.objectRef<Model>>,
  description: string,
  fields: () => Readonly<Record<string, ResultField>>,
): void {
  type.implement({
    description,
    fields: (t) =>
      Object.fromEntries(
        Object.entries(fields()).map(([name, field]) => [name, t.field(fieldOptions(field) as never)]),
      ) as never,
  })
}

function fieldOptions({ type, nullable, description, value }: ResultField) {
  return {
    type,
    nullable,
    description,
    resolve: (model: Model, _args: unknown, context: GraphQLContext, info: GraphQLResolveInfo) =>
      value(model, context, info),
  }
}

/** Returns a union of objects that a literal distinguishes (`type: "page"`). */
function unionType(
  name: string,
  description: string | undefined,
  alternatives: readonly SchemaNode[],
  place: Place,
): OutputType {
  const members = alternatives.map((one, at) => {
    const node = one.$ref === undefined ? one : resolve(one.$ref, place.defs, place.path)
    return { node, one, literals: literalsOf(node), name: one.$ref?.replace('#/$defs/', '') ?? `${name}${at + 1}` }
  })
  // Strings next to numbers, and objects without a distinguishing literal, are JSON.
  if (!members.every(({ node, literals }) => node.properties && literals.length > 0)) return 'JSON'
  const types = members.map((member) => typeOf(member.one, { ...place, name: member.name }).type)
  return builder.unionType(name, {
    description: description ?? `Values of \`${place.path}\`.`,
    types: types as never,
    resolveType: (value: unknown) => {
      const model = value as Model
      const found = members.find(({ literals }) => literals.every(([key, literal]) => model[key] === literal))
      if (!found) throw new Error(`${place.path}: a value must be one of ${members.map((one) => one.name).join(', ')}.`)
      return found.name
    },
  })
}

const literalsOf = (node: SchemaNode): readonly (readonly [string, unknown])[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, { const: literal }]) =>
    literal === undefined ? [] : [[key, literal] as const],
  )
