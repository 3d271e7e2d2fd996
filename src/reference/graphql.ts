import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql'
import { anchorOf, code, page, table } from './markdown.ts'

const kinds = ['Queries', 'Mutations', 'Subscriptions'] as const

/** Returns the reference of all operations: docs/reference/operations.md. */
export function operationsPage(schema: GraphQLSchema): string {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  const sections = roots.flatMap((root, index) => {
    const fields = sorted(Object.values(root?.getFields() ?? {}))
    return [
      `## ${kinds[index]}`,
      fields.map(({ name }) => `[${name}](#${anchorOf(name)})`).join(' · '),
      ...fields.flatMap(operation),
    ]
  })
  return page(
    'Operations',
    'Everything that the API can do. [Types](types.md) has what operations return and take, and [errors](errors.md) has how they fail.',
    ...sections,
  )
}

function operation(field: GraphQLField<unknown, unknown>): readonly string[] {
  return [
    `### ${field.name}`,
    text(field.description),
    ...(field.deprecationReason == null ? [] : [`Deprecated: ${text(field.deprecationReason)}`]),
    ...(field.args.length > 0
      ? [
          table(
            ['Argument', 'Type', 'Meaning'],
            field.args.map((each) => inputRow(each, 'types.md')),
          ),
        ]
      : []),
    `Returns ${typeLink(field.type, 'types.md')}.`,
  ]
}

/** Returns the reference of all types but the root types: docs/reference/types.md. */
export function typesPage(schema: GraphQLSchema): string {
  const roots = new Set([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
  const types = sorted(Object.values(schema.getTypeMap())).filter(
    (type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type) && !roots.has(type as never),
  )
  return page(
    'Types',
    'The types of the GraphQL schema, in alphabetical order. [Operations](operations.md) has where they are used.',
    ...types.flatMap((type) => [`## ${type.name}`, text(type.description), ...content(type, schema)]),
  )
}

function content(type: GraphQLNamedType, schema: GraphQLSchema): readonly string[] {
  if (isUnionType(type)) return [`One of ${links(type.getTypes())}.`]
  if (isEnumType(type)) {
    const rows = type.getValues().map(({ name, description }) => [code(name), text(description)])
    return [table(['Value', 'Meaning'], rows)]
  }
  if (isInputObjectType(type)) {
    const oneOf = type.isOneOf ? ['Exactly one of its fields must be set.'] : []
    return [
      ...oneOf,
      table(
        ['Field', 'Type', 'Meaning'],
        sorted(Object.values(type.getFields())).map((each) => inputRow(each, '')),
      ),
    ]
  }
  if (isObjectType(type) || isInterfaceType(type)) {
    const { length } = type.getInterfaces()
    const implemented = length > 0 ? [`Implements ${links(type.getInterfaces())}.`] : []
    const objects = isInterfaceType(type) ? sorted(schema.getPossibleTypes(type)) : []
    return [
      ...implemented,
      table(['Field', 'Type', 'Meaning'], sorted(Object.values(type.getFields())).map(fieldRow)),
      ...(objects.length > 0 ? [`Implemented by ${links(objects)}.`] : []),
    ]
  }
  return []
}

function fieldRow(field: GraphQLField<unknown, unknown>): readonly string[] {
  const args = field.args.map(({ name, type, description }) => `${code(`${name}: ${type}`)}: ${text(description)}`)
  return [code(field.name), typeLink(field.type, ''), [text(field.description), ...args].join(' ')]
}

function inputRow(input: GraphQLArgument | GraphQLInputField, file: string): readonly string[] {
  return [code(input.name), typeLink(input.type, file), text(input.description)]
}

/** Returns a type with a link to its description in a file, '' for the same page. Scalars of GraphQL itself have none. */
export function typeLink(type: GraphQLField<unknown, unknown>['type'] | GraphQLArgument['type'], file: string): string {
  const named = getNamedType(type)
  return isSpecifiedScalarType(named) ? code(String(type)) : `[${code(String(type))}](${file}#${anchorOf(named.name)})`
}

/** Types of the same page, with links. */
const links = (types: readonly GraphQLNamedType[]): string =>
  types.map(({ name }) => `[${code(name)}](#${anchorOf(name)})`).join(', ')

const text = (description: string | null | undefined): string => (description ?? '').trim()

const sorted = <Named extends { readonly name: string }>(all: readonly Named[]): readonly Named[] =>
  all.toSorted((a, b) => (a.name < b.name ? -1 : 1))
