import type { ObjectRef, TypeParam } from '@pothos/core'
import type { GraphQLResolveInfo } from 'graphql'
import { z } from 'zod'
import type { ResultLink } from '../../tools/result-link.ts'
import { isFreeForm, kindsOf, type SchemaNode } from '../../tools/schema-node.ts'
import type { AnyTool, ToolCatalogue } from '../../tools/tool.ts'
import { builder } from '../builder.ts'
import type { GraphQLContext } from '../context.ts'
import { enumTypeOf, enumValuesOf } from './enum-type.ts'
import { isInt, withoutNull } from './input-type.ts'
import { followLink } from './linked-object.ts'
import { camelCase, pascalCase } from './names.ts'

type Model = Readonly<Record<string, unknown>>
type OutputType = TypeParam<(typeof builder)['$inferSchemaTypes']>

/** One field of an object, ready for the builder: `value` gives it from the object. */
export interface ResultField {
  readonly type: OutputType
  readonly nullable: boolean | { readonly list: boolean; readonly items: boolean }
  readonly description: string
  readonly value: (model: Model, context: GraphQLContext, info: GraphQLResolveInfo) => unknown
}

interface NamedType {
  readonly printed: string
  readonly type: OutputType
}

/** Types that carry a name are made once, whichever tools use them. */
const namedTypes = new Map<string, NamedType>()

/** Where the walk is: the names in reach and the place for complaints. */
interface Place {
  readonly catalogue: ToolCatalogue
  readonly defs: Readonly<Record<string, SchemaNode>>
  /** What an object without a name of its own is called here. */
  readonly name: string
  readonly path: string
}

/**
 * The fields of a tool's typed result, by name, out of its one definition. Types with `.meta({ id })` are shared between
 * tools under that name; the others are called after the place where they are. Throws at start-up for what has no form
 * in GraphQL, and for two types of one name that differ.
 */
export function resultFields(tool: AnyTool, catalogue: ToolCatalogue): Readonly<Record<string, ResultField>> {
  const { root, place } = resultOf(tool, catalogue)
  return fieldsOf(root, place)
}

function resultOf(tool: AnyTool, catalogue: ToolCatalogue): { readonly root: SchemaNode; readonly place: Place } {
  const schema = z.toJSONSchema(tool.result, { io: 'input', unrepresentable: 'any' }) as SchemaNode
  const defs = schema.$defs ?? {}
  return {
    root: schema.$ref === undefined ? schema : resolve(schema.$ref, defs, tool.name),
    place: { catalogue, defs, name: pascalCase(tool.name), path: `${tool.name}.result` },
  }
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
        description: describe(property, place.defs) ?? `\`${key}\` of the provider.`,
        value: (model) => model[key] ?? null,
      },
    ]
  })
  if (fields.length === 0) throw new Error(`${place.path}: an object without keys has no form in GraphQL.`)
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
  // A literal is one text: an enum of one value would only make it harder to read.
  if (values && values.length > 1) {
    return {
      type: enumTypeOf(place.name, values, given.description ?? `What \`${place.path}\` can be.`, place.path),
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
    if (item.nullable) throw new Error(`${place.path}: a list whose items may be null has no form here.`)
    return { type: [item.type] as OutputType, nullable }
  }
  if (kind === 'object') {
    if (isFreeForm(node)) return { type: 'JSONObject', nullable }
    return { type: objectType(place.name, given.description ?? `What \`${place.path}\` holds.`, node, place), nullable }
  }
  throw new Error(`${place.path}: ${JSON.stringify(given)} has no form in GraphQL.`)
}

function resolve(ref: string, defs: Place['defs'], path: string): SchemaNode {
  const found = defs[ref.replace('#/$defs/', '')]
  if (!found) throw new Error(`${path}: ${ref} names nothing.`)
  return found
}

function namedType(ref: string, place: Place): OutputType {
  const name = ref.replace('#/$defs/', '')
  const node = resolve(ref, place.defs, place.path)
  // zod names what refers to itself without a name of its own: JSON of any shape.
  if (name.startsWith('__')) return 'JSON'
  // zod numbers what has no name by where it met it first, in every tool anew.
  const printed = JSON.stringify(node).replaceAll(/#\/\$defs\/__schema\d+/g, '#')
  const known = namedTypes.get(name)
  if (known) {
    if (known.printed !== printed) throw new Error(`${place.path}: there are two result types called ${name}.`)
    return known.type
  }
  const at = { ...place, name, path: name }
  const description = node.description ?? `\`${name}\` of the provider.`
  const values = enumValuesOf(node)
  const alternatives = node.anyOf ?? node.oneOf
  if (values) return remember(name, printed, enumTypeOf(name, values, description, name))
  if (alternatives) return remember(name, printed, unionType(name, node.description, alternatives, at))
  if (!node.properties) return remember(name, printed, typeOf(node, at).type)
  // Known before its fields are looked at: they may lead back to it.
  const type = builder.objectRef<Model>(name)
  namedTypes.set(name, { printed, type })
  const fields = fieldsOf(node, at)
  implementObject(type, description, () => ({ ...fields, ...linkFields(node.links ?? [], fields, at) }))
  return type
}

/** The fields that lead to other objects. Looked at last, when the types of all tools are known. */
function linkFields(
  links: readonly ResultLink[],
  fields: Readonly<Record<string, ResultField>>,
  place: Place,
): Readonly<Record<string, ResultField>> {
  return Object.fromEntries(
    links.map((link) => {
      const path = `${place.path}.${link.field}`
      const tool = place.catalogue.find(link.tool)
      if (!tool?.readOnly) throw new Error(`${path}: there is no tool ${link.tool} that reads.`)
      if (Object.hasOwn(fields, link.field)) throw new Error(`${path}: there is a field of this name already.`)
      const target = resultOf(tool, place.catalogue)
      const held = target.root.properties?.[link.result]
      if (!held) throw new Error(`${path}: the result of ${link.tool} has no ${link.result}.`)
      const one = typeOf(held, { ...target.place, path: `${target.place.path}.${link.result}` }).type
      const isList = link.each !== undefined
      const { field, description } = link
      return [
        field,
        {
          type: isList ? ([one] as OutputType) : one,
          // One object out of reach does not take the others away.
          nullable: isList ? { list: true, items: true } : true,
          description,
          value: (model, context, info) => followLink(link, model, context, info),
        },
      ] satisfies [string, ResultField]
    }),
  )
}

function remember(name: string, printed: string, type: OutputType): OutputType {
  namedTypes.set(name, { printed, type })
  return type
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

/** A union of objects that differ by a literal each (`type: "page"`): that literal tells which one a value is. */
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
  // Texts and numbers side by side, or objects that nothing tells apart, are JSON.
  if (!members.every(({ node, literals }) => node.properties && literals.length > 0)) return 'JSON'
  const types = members.map((member) => typeOf(member.one, { ...place, name: member.name }).type)
  return builder.unionType(name, {
    description: description ?? `What \`${place.path}\` can be.`,
    types: types as never,
    resolveType: (value: unknown) => {
      const model = value as Model
      const found = members.find(({ literals }) => literals.every(([key, literal]) => model[key] === literal))
      if (!found) throw new Error(`${place.path}: a value is none of ${members.map((one) => one.name).join(', ')}.`)
      return found.name
    },
  })
}

const literalsOf = (node: SchemaNode): readonly (readonly [string, unknown])[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, { const: literal }]) =>
    literal === undefined ? [] : [[key, literal] as const],
  )
