import { readFileSync } from 'node:fs'
import {
  buildASTSchema,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  parse,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { guardedFields } from '../../src/graphql/access.ts'

const schema = buildASTSchema(parse(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')))
const own = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'))
const rootTypes = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]

const members = (type: GraphQLNamedType) =>
  isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
    ? Object.values(type.getFields())
    : isEnumType(type)
      ? type.getValues()
      : []

const argumentsOf = (member: object): readonly { name: string; description?: string | null }[] =>
  'args' in member && Array.isArray(member.args) ? member.args : []

describe('the schema', () => {
  it('describes every type, field, argument and enum value', () => {
    const bare = own.flatMap((type) => [
      ...(type.description || ['ID', 'Int', 'String', 'Boolean', 'Float'].includes(type.name) ? [] : [type.name]),
      ...members(type).flatMap((member) => [
        ...(member.description ? [] : [`${type.name}.${member.name}`]),
        ...argumentsOf(member)
          .filter((arg) => !arg.description)
          .map((arg) => `${type.name}.${member.name}(${arg.name}:)`),
      ]),
    ])
    expect(bare).toEqual([])
  })

  it('has an access rule for each root field', () => {
    const fields = rootTypes.flatMap((type) =>
      Object.keys(type?.getFields() ?? {}).map((field) => `${type?.name}.${field}`),
    )
    const guarded = new Set<string>(guardedFields)
    const tools = fields.filter((field) => /\.notion[A-Z]/.test(field))
    expect(fields.filter((field) => !guarded.has(field) && !tools.includes(field))).toEqual([])
    expect(guardedFields.filter((field) => field.includes('.') && !fields.includes(field))).toEqual([])
  })

  it('defines one input and a union of payload and errors for every mutation', () => {
    for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
      expect(String(field.args.find((arg) => arg.name === 'input')?.type), name).toMatch(/Input!$/)
      // An approval has the result of the call that it runs.
      const named = name === 'approveToolExecution' ? 'executeTool' : name
      const type = schema.getType(`${named.charAt(0).toUpperCase()}${named.slice(1)}Result`)
      expect(isUnionType(type), name).toBe(true)
      if (!isUnionType(type)) continue
      const [payload, ...others] = [...type.getTypes()].sort((a) => (a.name.endsWith('Payload') ? -1 : 1))
      expect(payload?.name, name).toMatch(/Payload$/)
      for (const other of others) {
        expect(
          other.getInterfaces().map((at) => at.name),
          `${name}: ${other.name}`,
        ).toContain('Error')
      }
    }
  })

  it('names types in PascalCase, fields in camelCase and enum values in capitals', () => {
    const wrong = own.flatMap((type) => [
      ...(/^[A-Z][A-Za-z0-9]*$/.test(type.name) ? [] : [type.name]),
      ...members(type)
        .filter(({ name }) => !(isEnumType(type) ? /^[A-Z][A-Z0-9_]*$/ : /^[a-z][A-Za-z0-9]*$/).test(name))
        .map(({ name }) => `${type.name}.${name}`),
    ])
    expect(wrong).toEqual([])
  })
})
