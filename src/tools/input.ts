import { hash } from 'node:crypto'
import type * as z from 'zod'
import { didYouMean } from '../did-you-mean.ts'
import { type InputIssue, InvalidToolInputError } from '../errors.ts'
import { type Bounds, characters, countRule, entries, numberRule } from './bounds.ts'
import { numberIn } from './numeral.ts'
import { inputSchema, kindOf, kindsOf, type SchemaNode } from './schema-node.ts'
import type { AnyTool } from './tool.ts'

/** A checked input. */
export interface CheckedInput {
  /** What the tool gets: with defaults, and ids in canonical form. */
  readonly value: unknown
  /** What the caller passed, normalized: the places of issues are places of it. */
  readonly normalized: unknown
  /** SHA-256 in hex of the tool's name and the passed input, in any order of keys. Equal for calls that are the same. */
  readonly hash: string
}

/** Deeper than any provider's JSON. Bounds everything that walks an input. */
const maxDepth = 100

/** Issues that one error reports. */
const maxIssues = 20

/**
 * Checks what a model passed to a tool. First normalizes it: null means "not given" (models in strict mode and GraphQL
 * cannot leave out a key), and so do `""` and `"null"` for an optional value that cannot be one of them. A string is
 * parsed as JSON where only an object or array is valid, and read as a number or boolean where only that is valid. JSON
 * without a fixed shape stays unchanged, because null has a meaning there. Where null is a value of an optional key (it
 * removes something), an input with all keys of the tool and no others is that of a model in strict mode, and null means "not given" as
 * well. Then the tool's schema decides.
 *
 * Throws an {@link InvalidToolInputError} with the path of every issue, what is available there, and the nearest name.
 */
export function checkInput(tool: AnyTool, passed: unknown): CheckedInput {
  if (isDeeperThan(passed, maxDepth)) {
    throw new InvalidToolInputError([{ path: '', message: `must not be nested deeper than ${maxDepth} levels` }])
  }
  const schema = inputSchema(tool.input)
  const prepared = prepare(schema, passed ?? {}, true)
  const parsed = parse(tool, prepared)
  if (!parsed.success) {
    throw new InvalidToolInputError(withinInput(describeIssues(parsed.error.issues, schema, prepared), prepared))
  }
  return {
    value: parsed.data,
    normalized: prepared,
    hash: hash('sha256', `${tool.name}\n${canonicalJson(prepared)}`),
  }
}

/**
 * zod compares the `length` of any value with its bounds. An object whose `length` has no primitive value
 * (`{"length": {"toString": 1, "valueOf": 1}}`) makes it throw instead of reporting the wrong type, and so do more than some
 * 100,000 issues within an object, which it passes as arguments.
 */
function parse(tool: AnyTool, prepared: unknown) {
  try {
    return tool.input.safeParse(prepared)
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    throw new InvalidToolInputError([
      { path: '', message: 'contains an object where a string or an array is expected, or too many invalid values' },
    ])
  }
}

function prepare(node: SchemaNode, given: unknown, isRoot = false): unknown {
  const value = typeof given === 'string' ? readString(node, given) : given
  const chosen = chooseBranch(node, value)
  if (Array.isArray(value)) {
    const { items } = chosen
    return items === undefined ? value : value.map((item) => prepare(items, item))
  }
  if (kindOf(value) !== 'object' || chosen.properties === undefined) return value
  const { properties, required = [] } = chosen
  const isComplete = isRoot && hasSameKeys(value as object, properties)
  const entries = Object.entries(value as object).flatMap(([key, inner]): [string, unknown][] => {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property === undefined) return [[key, inner]]
    const isRequired = required.includes(key)
    const blank = isRequired ? undefined : blankOf(property, inner)
    if (blank === '') return []
    const held = blank === 'null' ? null : inner
    if (held === null && ((isComplete && !isRequired) || !takesNull(property, isRequired))) return []
    return [[key, prepare(property, held)]]
  })
  return Object.fromEntries(entries)
}

const hasSameKeys = (value: object, properties: object): boolean => {
  const [given, known] = [Object.keys(value), new Set(Object.keys(properties))]
  return given.length === known.size && given.every((key) => known.has(key))
}

/** Whether null is a value here. A node without a type accepts it only for a required key. */
function takesNull(node: SchemaNode, required: boolean): boolean {
  const untyped = node.type === undefined && !node.anyOf && !node.oneOf && !node.enum && node.const === undefined
  return untyped ? required : kindsOf(node).has('null')
}

/** Returns `""` or `"null"` if a value is that string and cannot be meant as one. */
function blankOf(node: SchemaNode, value: unknown): '' | 'null' | undefined {
  const text = typeof value === 'string' ? value.trim() : undefined
  if (text !== '' && text !== 'null') return undefined
  const nodes = alternativesOf(node)
  const isText = nodes.some(
    (one) => one.plainText || (kindsOf(one).has('string') && !one.blank && !one.enum && one.const === undefined),
  )
  return isText || nodes.some((one) => one.enum?.includes(value)) ? undefined : text
}

/** Returns the alternatives of a node; the node itself if it has none. */
function alternativesOf(node: SchemaNode): readonly SchemaNode[] {
  return (node.anyOf ?? node.oneOf)?.flatMap(alternativesOf) ?? [node]
}

function readString(node: SchemaNode, value: string): unknown {
  const kinds = kindsOf(node)
  const text = value.trim()
  if (kinds.has('string') || alternativesOf(node).some(({ plainText }) => plainText)) return value
  if (kinds.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (kinds.has('number')) {
    const number = numberIn(text)
    if (number !== null) return number
  }
  if (!(kinds.has('object') || kinds.has('array'))) return value
  try {
    const read: unknown = JSON.parse(value)
    const kind = kindOf(read)
    return (kind === 'object' || kind === 'array') && !isDeeperThan(read, maxDepth) ? read : value
  } catch {
    // Not JSON: the schema's check reports what is expected.
    return value
  }
}

/** Returns the alternative that the value is probably meant for: of the same kind, with the most of its keys. */
function chooseBranch(node: SchemaNode, value: unknown): SchemaNode {
  const alternatives = node.anyOf ?? node.oneOf
  if (!alternatives) return node
  const fitting = alternatives.filter((one) => kindsOf(one).has(kindOf(value)))
  const keys = kindOf(value) === 'object' ? Object.keys(value as object) : []
  const known = (one: SchemaNode) => keys.filter((key) => Object.hasOwn(one.properties ?? {}, key)).length
  const [best] = [...fitting].sort((a, b) => known(b) - known(a))
  return best === undefined ? {} : chooseBranch(best, value)
}

type Issue = z.core.$ZodIssue
type BoundIssue = Pick<z.core.$ZodIssueTooBig, 'origin' | 'inclusive'>

/** Describes the first issues only: an input can have as many as it has keys, each with suggestions. */
function describeIssues(issues: readonly Issue[], schema: SchemaNode, value: unknown): readonly InputIssue[] {
  const described: InputIssue[] = []
  for (const issue of issues.slice(0, maxIssues)) described.push(...describeIssue(issue, [], schema, value))
  return described.slice(0, maxIssues)
}

function describeIssue(
  issue: Issue,
  prefix: readonly PropertyKey[],
  schema: SchemaNode,
  root: unknown,
): readonly InputIssue[] {
  const path = [...prefix, ...issue.path]
  const at = (message: string, key?: string): InputIssue => ({
    path: (key === undefined ? path : [...path, key]).map(String).join('.'),
    message,
  })
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(nodeAt(schema, path, root).properties ?? {})
    return issue.keys
      .slice(0, maxIssues)
      .map((key) => at(`is unknown.${didYouMean(key, known)}${available(known)}`, key))
  }
  const found = valueAt(root, path)
  if (issue.code === 'invalid_value') {
    const choices = issue.values.map(String)
    const rule = `must be one of: ${list(choices)}`
    if (found === undefined) return [at(`is required and ${rule}`)]
    return [at(typeof found === 'string' ? `${rule}.${didYouMean(found, choices)}` : rule)]
  }
  if (issue.code === 'invalid_type') {
    const expected = issue.expected === 'record' ? 'object' : issue.expected
    if (found === undefined) return [at(expected === 'nonoptional' ? 'is required' : `is required (${expected})`)]
    if (expected === 'int' && typeof found === 'number') return [at(`must be a whole number, not ${found}`)]
    const rule = `must be ${article(expected === 'int' ? 'number' : expected)}`
    const mayBeJson = expected === 'object' || expected === 'array'
    if (typeof found === 'string' && mayBeJson) return [at(`${rule}; the string is not JSON of ${article(expected)}`)]
    return [at(`${rule}, not ${article(kindOf(found))}`)]
  }
  // An object with a `length` where a string or a list is expected. Its type is another issue.
  if ((issue.code === 'too_small' || issue.code === 'too_big') && issue.origin === 'unknown') return []
  if (issue.code === 'too_small') return [at(boundRule(issue, { min: issue.minimum }, found))]
  if (issue.code === 'too_big') return [at(boundRule(issue, { max: issue.maximum }, found))]
  if (issue.code === 'invalid_union') {
    // The branch whose issues are deepest is probably the one that was meant.
    const meant = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)[0]
    if (meant && depthOf(meant) > 0) {
      return meant.slice(0, maxIssues).flatMap((inner) => describeIssue(inner, path, schema, root))
    }
    const expected = [...kindsOf(nodeAt(schema, path, root))].filter((kind) => kind !== 'null')
    if (found === undefined) return [at('is required')]
    return [at(issue.message === 'Invalid input' ? `must be ${expected.map(article).join(' or ')}` : issue.message)]
  }
  return [at(issue.message)]
}

/** Returns the rule of a bound of a number, or of the length of a string or list. */
function boundRule({ origin, inclusive }: BoundIssue, bounds: Bounds, found: unknown): string {
  const { length } = typeof found === 'string' || Array.isArray(found) ? found : ''
  if (origin === 'string') return countRule(length, bounds, characters)
  if (origin === 'array' || origin === 'set') return countRule(length, bounds, entries)
  if (inclusive !== false) return numberRule(found, bounds)
  const { min, max } = bounds
  return `must be ${min === undefined ? `less than ${max}` : `more than ${min}`}, not ${String(found)}`
}

/**
 * Returns issues whose places end at the plain value of an input that contains them: `parent` instead of `parent.page_id`
 * where `parent` is a string that means the object. A place within a string of JSON stays.
 */
export function withinInput(issues: readonly InputIssue[], input: unknown): readonly InputIssue[] {
  return issues.map((issue) => ({ ...issue, path: placeWithin(issue.path, input) }))
}

function placeWithin(path: string, input: unknown): string {
  const keys = path.split('.')
  let at = input
  for (let count = 0; count < keys.length; ) {
    if (typeof at === 'string') at = readString({ type: ['object', 'array'] }, at)
    if (at === undefined) return path
    if (typeof at !== 'object' || at === null) return keys.slice(0, count).join('.')
    // The name of a property can contain dots.
    const length = lengthOfKey(at, keys.slice(count))
    if (length === 0) return path
    at = (at as Readonly<Record<string, unknown>>)[keys.slice(count, count + length).join('.')]
    count += length
  }
  return path
}

/** Returns how many of the first steps of a path are the key of a value; 0 for none. */
function lengthOfKey(value: object, steps: readonly string[]): number {
  const lengths = steps.map((_step, index) => index + 1)
  return lengths.find((length) => Object.hasOwn(value, steps.slice(0, length).join('.'))) ?? 0
}

/** How deep the issues of a branch are. An unknown key counts as one level, because the rest of the object fits. */
const depthOf = (issues: readonly Issue[]) =>
  issues
    .slice(0, maxIssues)
    .reduce((depth, issue) => Math.max(depth, issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)), 0)

function nodeAt(schema: SchemaNode, path: readonly PropertyKey[], root: unknown): SchemaNode {
  let node = schema
  let value = root
  for (const step of path) {
    const chosen = chooseBranch(node, value)
    const key = String(step)
    const { properties = {} } = chosen
    const next = typeof step === 'number' ? chosen.items : Object.hasOwn(properties, key) ? properties[key] : undefined
    if (next === undefined) return {}
    node = next
    value = valueAt(value, [step])
  }
  return chooseBranch(node, value)
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<PropertyKey, unknown>)[step]
  }
  return value
}

const available = (keys: readonly string[]) => (keys.length === 0 ? '' : ` Available: ${list(keys)}`)

const list = (names: readonly string[]) =>
  names.length > 30 ? `${names.slice(0, 30).join(', ')} and ${names.length - 30} more` : names.join(', ')

const article = (kind: string) => (kind === 'null' ? 'null' : `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`)

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1))
}

/** Returns JSON with sorted keys (in the order of RFC 8785), so that equal values have equal strings. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`
}
