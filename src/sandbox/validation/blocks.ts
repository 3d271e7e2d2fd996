/**
 * Checks of blocks in requests.
 *
 * A request may nest two levels below the added blocks. Columns do not count.
 *
 * @see https://developers.notion.com/reference/block
 */
import { limits } from '../context.ts'
import type { Json, JsonObject } from '../model.ts'
import {
  anyObject,
  array,
  boolean,
  branchOf,
  type Check,
  InvalidInput,
  notPresent,
  nullable,
  number,
  object,
  oneOf,
  optional,
  refuseUnknown,
  string,
} from './check.ts'
import { icon, mediaFile, mediaKinds } from './files.ts'
import { codeLanguage } from './languages.ts'
import { apiColor, richText, webAddress } from './rich-text.ts'
import { uuid } from './scalars.ts'

/** A new block in the stored format, with its children. */
export interface NewBlock {
  readonly type: string
  readonly content: JsonObject
  readonly children: readonly NewBlock[]
}

/** The content of a block type, without children. */
interface BlockShape {
  /** Returns the content of a new block with defaults. Throws InvalidInput when it is invalid. */
  create(value: unknown, path: string): JsonObject
  /** Returns the changed content of a block. Throws InvalidInput when it is invalid. */
  update(value: unknown, path: string): JsonObject
  /** Which children the block can have. */
  readonly children: 'none' | 'any' | 'columns' | 'rows' | 'tabs'
}

type Field = Check<Json>

interface FieldRules {
  readonly required?: Readonly<Record<string, Field>>
  /** Each with its default; undefined omits the field. */
  readonly optional?: Readonly<Record<string, readonly [Field, Json | undefined]>>
  readonly children?: BlockShape['children']
  /** Fields that an update must not contain. */
  readonly fixed?: readonly string[]
  /** Whether an update requires what a new block does. */
  readonly updatedWhole?: boolean
}

function readOptional(rules: FieldRules, source: Record<string, unknown>, path: string): Record<string, Json> {
  const content: Record<string, Json> = {}
  for (const [key, field] of Object.entries(rules.optional ?? {})) {
    const value = source[key]
    if (value !== undefined) content[key] = field[0].read(value, `${path}.${key}`, ['`undefined`'])
  }
  return content
}

function shape(rules: FieldRules): BlockShape {
  const children = rules.children ?? 'none'
  const known = new Set([...Object.keys(rules.required ?? {}), ...Object.keys(rules.optional ?? {})])
  return {
    children,
    create(value, path) {
      const source = anyObject.read(value, path)
      refuseUnknown(source, path, (key) => known.has(key) || (key === 'children' && children !== 'none'))
      const content: Record<string, Json> = {}
      for (const [key, field] of Object.entries(rules.required ?? {})) {
        content[key] = field.read(source[key], `${path}.${key}`)
      }
      for (const [key, [, missing]] of Object.entries(rules.optional ?? {})) {
        if (missing !== undefined) content[key] = missing
      }
      return { ...content, ...readOptional(rules, source, path) }
    },
    update(value, path) {
      const source = anyObject.read(value, path)
      const fixed = rules.fixed ?? []
      refuseUnknown(source, path, (key) => known.has(key) && !fixed.includes(key))
      const content = readOptional(rules, source, path)
      for (const [key, field] of Object.entries(rules.required ?? {})) {
        if (source[key] !== undefined || rules.updatedWhole) content[key] = field.read(source[key], `${path}.${key}`)
      }
      return content
    },
  }
}

const text = richText as Check<Json>
const color = [apiColor, 'default'] as const
const caption = [text, ''] as const

const textBlock = shape({ required: { rich_text: text }, optional: { color }, children: 'any', updatedWhole: true })
const heading = shape({
  required: { rich_text: text },
  optional: { color, is_toggleable: [boolean, false] },
  children: 'any',
  updatedWhole: true,
})
const link = shape({ required: { url: webAddress }, optional: { caption } })
const empty = shape({})

/** Returns the shape of a media block: the keys of its file, a caption, and for `named` a name. */
function mediaShape(named: boolean): BlockShape {
  const otherKeys = named ? ['caption', 'name'] : ['caption']
  const name = string({ min: 1, max: 100 })
  const extras = (source: Record<string, unknown>, path: string): Record<string, Json> => ({
    ...(source.caption !== undefined && { caption: text.read(source.caption, `${path}.caption`) }),
    ...(named && source.name !== undefined && { name: name.read(source.name, `${path}.name`) }),
  })
  return {
    children: 'none',
    create(value, path) {
      const { value: source } = branchOf(value, path, mediaKinds, { otherKeys })
      return { caption: '', ...mediaFile.read(source, path), ...extras(source, path) }
    },
    update(value, path) {
      const source = anyObject.read(value, path)
      refuseUnknown(source, path, (key) => [...mediaKinds, ...otherKeys, 'type'].includes(key))
      const replaces = mediaKinds.some((kind) => source[kind] !== undefined)
      return { ...(replaces ? mediaFile.read(source, path) : {}), ...extras(source, path) }
    },
  }
}

const linkTarget: BlockShape = {
  children: 'none',
  create(value, path) {
    const { kind, value: source } = branchOf(value, path, ['page_id', 'database_id', 'comment_id'] as const)
    return { type: kind, [kind]: uuid.read(source[kind], `${path}.${kind}`) }
  },
  update: (value, path) => linkTarget.create(value, path),
}

const original = object({ block_id: uuid, type: optional(oneOf('block_id')) }, 'closed')
const syncedFrom: Field = {
  expected: ['an object', '`null`'],
  read(value, path) {
    const from = nullable(original).read(value, path)
    return from === null ? null : { type: 'block_id', block_id: from.block_id }
  },
}

const cells = array(text)
const table = shape({
  required: { table_width: number({ integer: true, min: 1 }) },
  optional: { has_column_header: [boolean, false], has_row_header: [boolean, false] },
  children: 'rows',
  fixed: ['table_width'],
})

const shapes: Readonly<Record<string, BlockShape>> = {
  paragraph: shape({ required: { rich_text: text }, optional: { color, icon: [icon, undefined] }, children: 'any' }),
  heading_1: heading,
  heading_2: heading,
  heading_3: heading,
  heading_4: heading,
  bulleted_list_item: textBlock,
  numbered_list_item: textBlock,
  quote: textBlock,
  toggle: textBlock,
  to_do: shape({ required: { rich_text: text }, optional: { color, checked: [boolean, false] }, children: 'any' }),
  template: shape({ required: { rich_text: text }, children: 'any', updatedWhole: true }),
  callout: shape({ required: { rich_text: text }, optional: { color, icon: [icon, null] }, children: 'any' }),
  synced_block: shape({ required: { synced_from: syncedFrom }, children: 'any', updatedWhole: true }),
  code: shape({ required: { rich_text: text, language: codeLanguage }, optional: { caption } }),
  equation: shape({ required: { expression: string({ max: limits.equationLength }) }, updatedWhole: true }),
  divider: empty,
  breadcrumb: empty,
  table_of_contents: shape({ optional: { color } }),
  link_to_page: linkTarget,
  embed: link,
  bookmark: link,
  image: mediaShape(false),
  video: mediaShape(false),
  pdf: mediaShape(false),
  audio: mediaShape(false),
  file: mediaShape(true),
  table,
  table_row: shape({ required: { cells } }),
  tab: shape({ children: 'tabs' }),
  column_list: shape({ children: 'columns' }),
  column: shape({ optional: { width_ratio: [number({ above: 0, below: 1 }), undefined] }, children: 'any' }),
}

const allTypes = Object.keys(shapes)
const typesWithoutColumns = allTypes.filter((type) => type !== 'column_list' && type !== 'column')
const typesWithoutTables = typesWithoutColumns.filter((type) => type !== 'table' && type !== 'tab')

/** Valid types by level of nesting. Level 0 is the added blocks. */
const typesAtLevel = [allTypes, typesWithoutColumns, typesWithoutTables] as const

const notUpdatable = new Set(['column_list'])

interface Count {
  blocks: number
}

function readChildren(parent: BlockShape, source: unknown, path: string, level: number, count: Count): NewBlock[] {
  const children = anyObject.read(source, path).children
  const at = `${path}.children`
  switch (parent.children) {
    case 'none':
      return []
    case 'rows':
      return readList(children, at, ['table_row'], level, count, 1)
    case 'columns':
      return readList(children, at, ['column'], level, count, 2)
    case 'tabs':
      return readList(children, at, ['paragraph'], level + 1, count, 1)
    case 'any': {
      if (children === undefined) return []
      const types = typesAtLevel[level + 1]
      if (types === undefined) throw notPresent(at, children)
      return readList(children, at, types, level + 1, count)
    }
  }
}

function readBlock(value: unknown, path: string, types: readonly string[], level: number, count: Count): NewBlock {
  count.blocks += 1
  if (count.blocks > limits.blocksPerRequest) {
    throw new InvalidInput([
      `The total number of blocks should be ≤ \`${limits.blocksPerRequest}\`, instead was at least \`${count.blocks}\`.`,
    ])
  }
  const { kind, value: source } = branchOf(value, path, types)
  const [at, rules] = [`${path}.${kind}`, shapes[kind]]
  if (rules === undefined) throw notPresent(at, source[kind])
  if (source.object !== undefined) oneOf('block').read(source.object, `${path}.object`, ['`undefined`'])
  const content = rules.create(source[kind], at)
  const children = readChildren(rules, source[kind], at, level, count)
  if (kind === 'table') checkRows(content, children, at)
  if (kind.startsWith('heading_') && children.length > 0 && content.is_toggleable !== true)
    throw notPresent(`${at}.children`, (source[kind] as JsonObject).children)
  return { type: kind, content, children }
}

/** Throws InvalidInput when a row does not have as many cells as the width of its table. */
function checkRows(table: JsonObject, rows: readonly NewBlock[], path: string): void {
  const width = table.table_width
  rows.forEach((row, index) => {
    const found = Array.isArray(row.content.cells) ? row.content.cells.length : 0
    if (found !== width) {
      const at = `${path}.children[${index}].table_row.cells.length`
      throw new InvalidInput([`${at} should be \`${String(width)}\`, instead was \`${found}\`.`])
    }
  })
}

function readList(
  value: unknown,
  path: string,
  types: readonly string[],
  level: number,
  count: Count,
  min = 0,
): NewBlock[] {
  const block: Check<NewBlock> = {
    expected: ['an object'],
    read: (element, at) => readBlock(element, at, types, level, count),
  }
  return array(block, { min, max: limits.arrayElements }).read(value, path)
}

/**
 * Returns the blocks of a request. `path` is the path of the array, such as `body.children`. Throws InvalidInput when a
 * block is invalid, or there are more than 100 blocks, or more than 1000 with all nested blocks.
 */
export function readBlocks(value: unknown, path: string): NewBlock[] {
  return readList(value, path, allTypes, 0, { blocks: 0 })
}

/** Returns the changed content of a block. Throws InvalidInput when the update is invalid for its type. */
export function readBlockUpdate(type: string, value: unknown, path: string): JsonObject {
  const rules = shapes[type]
  if (rules === undefined || notUpdatable.has(type)) throw notPresent(path, value)
  return rules.update(value, path)
}

/** Types of blocks that requests can update. */
export const updatableTypes: readonly string[] = allTypes.filter((type) => !notUpdatable.has(type))

/** Returns which children a block of this type can have. */
export function childrenOfType(type: string): BlockShape['children'] {
  return shapes[type]?.children ?? 'none'
}
