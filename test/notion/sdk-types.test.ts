import { readdirSync, readFileSync } from 'node:fs'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { blockRules } from '../../src/notion/block-rules.ts'
import { newBlocks } from '../../src/notion/blocks.ts'
import { icon } from '../../src/notion/decoration.ts'
import { checkFilter } from '../../src/notion/filters.ts'
import { newProperties } from '../../src/notion/property-configs.ts'
import { collectIssues, type InputContext } from '../../src/notion/rich-text.ts'
import { richText } from '../../src/notion/rich-text-input.ts'
import { checkRow } from '../../src/notion/rows.ts'

const folder = new URL('../../node_modules/@notionhq/client/build/src/api-endpoints/', import.meta.url)

/** A node of the syntax tree of a declaration file. */
// biome-ignore lint/suspicious/noExplicitAny: the test reads only type declarations
type Node = any
type Shape = Readonly<Record<string, Node>>

const aliases = new Map<string, Node>()
for (const file of readdirSync(folder).filter((name) => name.endsWith('.d.ts'))) {
  const { program } = parseSync(file, readFileSync(new URL(file, folder), 'utf8'))
  for (const statement of program.body as Node[]) {
    const declaration = statement.declaration ?? statement
    if (declaration.type === 'TSTypeAliasDeclaration') aliases.set(declaration.id.name, declaration.typeAnnotation)
  }
}

const alias = (name: string): Node => {
  const found = aliases.get(name)
  if (found === undefined) throw new Error(`the SDK has no type ${name}`)
  return found
}

/** Returns the object types that a type can be, each as its members. */
function shapesOf(node: Node): readonly Shape[] {
  switch (node.type) {
    case 'TSTypeLiteral': {
      const members = node.members.filter(({ type }: Node) => type === 'TSPropertySignature')
      return [
        Object.fromEntries(
          members.map((one: Node) => [one.key.name ?? one.key.value, one.typeAnnotation.typeAnnotation]),
        ),
      ]
    }
    case 'TSUnionType':
      return node.types.flatMap(shapesOf)
    case 'TSIntersectionType':
      return node.types
        .map(shapesOf)
        .reduce(
          (all: Shape[], part: Shape[]) => all.flatMap((one) => part.map((other) => ({ ...one, ...other }))),
          [{}],
        )
    case 'TSParenthesizedType':
      return shapesOf(node.typeAnnotation)
    case 'TSTypeReference':
      return aliases.has(node.typeName.name) ? shapesOf(alias(node.typeName.name)) : []
    default:
      return []
  }
}

/** Returns the members of the alternatives of a type by the key that distinguishes them. */
function byKind(shapes: readonly Shape[], common: readonly string[]): Readonly<Record<string, Node>> {
  return Object.fromEntries(shapes.flatMap((shape) => Object.entries(shape).filter(([key]) => !common.includes(key))))
}

const keysOf = (node: Node) => [...new Set(shapesOf(node).flatMap((shape) => Object.keys(shape)))]

/** Returns the issues about names that are unknown: the SDK has them, so that none may be. */
function unknownIn(check: (context: InputContext) => unknown): readonly string[] {
  const { issues } = collectIssues((list) => void check({ path: 'input', issues: list }))
  return issues
    .filter(({ message }) => /unknown|must have one condition|must contain one of/.test(message))
    .map(({ message }) => message)
}

const blocks = byKind(shapesOf(alias('BlockObjectRequest')), ['type', 'object'])
const configs = byKind(shapesOf(alias('PropertyConfigurationRequest')), ['type', 'description'])
const filters = byKind(
  [...shapesOf(alias('PropertyFilter')), ...shapesOf(alias('TimestampFilter'))],
  ['type', 'property', 'timestamp'],
)
const page = shapesOf(alias('CreatePageBodyParameters'))[0]?.properties
const values = byKind(shapesOf(page.typeArguments.params[1]), ['type'])

describe('the types of the SDK', () => {
  it('are found in its declarations', () => {
    expect(Object.keys(blocks).length).toBeGreaterThan(30)
    expect(Object.keys(configs).length).toBeGreaterThan(20)
    expect(Object.keys(filters).length).toBeGreaterThan(20)
    expect(Object.keys(values).length).toBeGreaterThan(12)
  })

  it.each(Object.keys(blocks))('have the block %s with keys that are known here', (type) => {
    const rules = blockRules[type]
    expect(rules).toBeDefined()
    const known: readonly string[] = [
      ...(rules?.texts ?? []),
      ...(rules?.keys ?? []),
      ...(rules?.children ? ['children'] : []),
    ]
    expect(known).toEqual(expect.arrayContaining(keysOf(blocks[type])))
    for (const shape of shapesOf(blocks[type])) {
      const content = Object.fromEntries(Object.keys(shape).map((key) => [key, 'x']))
      const messages = unknownIn((context) => newBlocks([{ [type]: content }], context))
      expect(messages.filter((message) => message.includes('unknown key'))).toEqual([])
    }
  })

  it.each(Object.keys(configs))('have the property %s with a configuration that is known here', (type) => {
    const content = Object.fromEntries(keysOf(configs[type]).map((key) => [key, 'x']))
    const properties = { P: { [type]: content, description: 'x' } }
    expect(unknownIn((context) => newProperties(properties, context))).toEqual([])
  })

  it.each(Object.keys(filters))('have the filter %s with operators that are known here', (type) => {
    for (const [operator, operand] of Object.entries(byKind(shapesOf(filters[type]), []))) {
      const nested = keysOf(operand)
      for (const inner of nested.length > 0 ? nested : [undefined]) {
        const held = inner === undefined ? 'x' : { [inner]: {} }
        const filter = { property: 'P', [type]: { [operator]: held } }
        expect(unknownIn((context) => checkFilter(filter, context))).toEqual([])
      }
    }
  })

  it.each(Object.keys(values))('have values of the property %s that are read here', (type) => {
    const schema = { id: 'p', name: 'P', type, options: [], groups: [] }
    // A type that is unknown here is handed to Notion unread.
    const { issues } = checkRow([schema], { P: { [type]: { neverAKey: 1 } } })
    expect(issues.length).toBeGreaterThan(0)
  })

  it('have only kinds of icons and mentions that are known here', () => {
    for (const kind of Object.keys(byKind(shapesOf(alias('PageIconRequest')), ['type'])))
      expect(unknownIn((context) => icon({ [kind]: kind === 'emoji' ? '🎯' : {} }, context))).toEqual([])
    const mention = shapesOf(alias('MentionRichTextItemRequest'))[0]?.mention
    for (const kind of Object.keys(byKind(shapesOf(mention), ['type'])))
      expect(unknownIn((context) => richText([{ mention: { [kind]: {} } }], context))).toEqual([])
  })
})
