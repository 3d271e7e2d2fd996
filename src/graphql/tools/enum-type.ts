import type { SchemaNode } from '../../tools/schema-node.ts'
import { builder } from '../builder.ts'
import { enumName } from './names.ts'

const enumTypes = new Map<string, { readonly values: string; readonly ref: ReturnType<typeof makeEnumType> }>()

/** The texts that an enum node allows; null where it is not one of texts alone. */
export function enumValuesOf(node: SchemaNode): readonly string[] | null {
  const values = node.enum ?? (node.const === undefined ? null : [node.const])
  return values?.every((value) => typeof value === 'string') ? values : null
}

/**
 * The GraphQL enum of some texts: `last_edited_time` is LAST_EDITED_TIME outside and itself inside. An enum of the same
 * name and values is made once. Throws for what gives no legal names, and for two enums of one name.
 */
export function enumTypeOf(name: string, values: readonly string[], description: string, path: string) {
  const known = enumTypes.get(name)
  if (known) {
    if (known.values !== values.join('\n')) throw new Error(`${path}: there are two enums called ${name}.`)
    return known.ref
  }
  const ref = makeEnumType(name, values, description, path)
  enumTypes.set(name, { values: values.join('\n'), ref })
  return ref
}

function makeEnumType(name: string, values: readonly string[], description: string, path: string) {
  const entries = values.map((value) => {
    const outside = enumName(value)
    if (outside === null) throw new Error(`${path}: "${value}" gives no legal name of a GraphQL enum value.`)
    return [outside, { value, description: `\`${value}\` at the provider.` }] as const
  })
  const byName = Object.fromEntries(entries)
  if (Object.keys(byName).length < values.length) throw new Error(`${path}: two values of the enum have one name.`)
  return builder.enumType(name, { description, values: byName })
}
