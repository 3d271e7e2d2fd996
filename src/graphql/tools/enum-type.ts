import type { SchemaNode } from '../../tools/schema-node.ts'
import { builder } from '../builder.ts'
import { enumName } from './names.ts'

/** The enums of one schema that are made from tools, by name: an enum of the same name and values is made once. */
export type EnumTypes = Map<string, { readonly values: string; readonly ref: ReturnType<typeof makeEnumType> }>

/** Returns the strings that an enum node allows, or null for a node that is not an enum of strings. */
export function enumValuesOf(node: SchemaNode): readonly string[] | null {
  const values = node.enum ?? (node.const === undefined ? null : [node.const])
  return values?.every((value) => typeof value === 'string') ? values : null
}

/**
 * Returns the GraphQL enum of some strings. The GraphQL name of `last_edited_time` is LAST_EDITED_TIME, its internal value
 * is the string itself. Throws for a string without a valid GraphQL name, and for two different enums of one name.
 */
export function enumTypeOf(
  enumTypes: EnumTypes,
  name: string,
  values: readonly string[],
  description: string,
  path: string,
) {
  const known = enumTypes.get(name)
  if (known) {
    if (known.values !== values.join('\n')) throw new Error(`${path}: two different enums are called ${name}.`)
    return known.ref
  }
  const ref = makeEnumType(name, values, description, path)
  enumTypes.set(name, { values: values.join('\n'), ref })
  return ref
}

function makeEnumType(name: string, values: readonly string[], description: string, path: string) {
  const entries = values.map((value) => {
    const graphqlName = enumName(value)
    if (graphqlName === null) throw new Error(`${path}: "${value}" has no valid GraphQL enum name.`)
    return [graphqlName, { value, description: `\`${value}\` at the provider.` }] as const
  })
  const byName = Object.fromEntries(entries)
  if (Object.keys(byName).length < values.length)
    throw new Error(`${path}: two values of the enum have the same GraphQL name.`)
  return builder.enumType(name, { description, values: byName })
}
