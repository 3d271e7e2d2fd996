import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { nearest } from '../did-you-mean.ts'
import { type InputIssue, InvalidToolInputError } from '../errors.ts'
import { inputSchema, kindOf, kindsOf, type SchemaNode } from './schema-node.ts'
import type { AnyTool } from './tool.ts'

/** An input after its check. */
export interface CheckedInput {
  /** What the tool gets: defaults filled in, ids in their one form. */
  readonly value: unknown
  /** SHA-256 in hex over the tool's name and what was passed, whatever the order of keys. Two calls are the same call
   * when this is the same. */
  readonly hash: string
}

/** Deeper than any provider's JSON; a bound for everything that walks an input. */
const deepest = 100

/** How many wrong places are named at most. */
const mostIssues = 20

/**
 * Checks what a model passed to a tool. First it is brought into the shape that the schema speaks of: null stands for
 * "not given" (models in strict mode and GraphQL have no other way to leave a key out), and a text that holds JSON is
 * read where only an object or array can be meant. JSON without a fixed shape is left as it is: in it null means
 * something. Then the tool's own schema decides. Fails with an {@link InvalidToolInputError} that names every wrong
 * place, what exists there and what is nearest.
 */
export function checkInput(tool: AnyTool, passed: unknown): CheckedInput {
  if (isDeeperThan(passed, deepest)) {
    throw new InvalidToolInputError([{ path: '', message: `is nested deeper than ${deepest} levels` }])
  }
  const schema = inputSchema(tool.input)
  const prepared = prepare(schema, passed ?? {})
  const parsed = parse(tool, prepared)
  if (!parsed.success) throw new InvalidToolInputError(describeIssues(parsed.error.issues, schema, prepared))
  return {
    value: parsed.data,
    hash: createHash('sha256')
      .update(`${tool.name}\n${canonicalJson(prepared)}`)
      .digest('hex'),
  }
}

/**
 * zod compares `length` with its bounds whatever it belongs to, and an object whose `length` has no primitive value
 * (`{"length": {"toString": 1, "valueOf": 1}}`) makes it throw instead of naming the wrong type.
 */
function parse(tool: AnyTool, prepared: unknown) {
  try {
    return tool.input.safeParse(prepared)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new InvalidToolInputError([{ path: '', message: 'holds an object where a text or a list has to be' }])
  }
}

function prepare(node: SchemaNode, given: unknown): unknown {
  const value = readJsonText(node, given)
  const chosen = chooseBranch(node, value)
  if (Array.isArray(value)) {
    const { items } = chosen
    return items === undefined ? value : value.map((item) => prepare(items, item))
  }
  if (kindOf(value) !== 'object' || chosen.properties === undefined) return value
  const { properties, required = [] } = chosen
  const entries = Object.entries(value as object).flatMap(([key, inner]): [string, unknown][] => {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property === undefined) return [[key, inner]]
    if (inner === null && !takesNull(property, required.includes(key))) return []
    return [[key, prepare(property, inner)]]
  })
  return Object.fromEntries(entries)
}

/** Whether null is a value here. Where anything goes, it is one only for a key that has to be there. */
function takesNull(node: SchemaNode, required: boolean): boolean {
  const saysNothing = node.type === undefined && !node.anyOf && !node.oneOf && !node.enum && node.const === undefined
  return saysNothing ? required : kindsOf(node).has('null')
}

function readJsonText(node: SchemaNode, value: unknown): unknown {
  if (typeof value !== 'string') return value
  const kinds = kindsOf(node)
  if (kinds.has('string') || !(kinds.has('object') || kinds.has('array'))) return value
  try {
    const read: unknown = JSON.parse(value)
    const kind = kindOf(read)
    return (kind === 'object' || kind === 'array') && !isDeeperThan(read, deepest) ? read : value
  } catch {
    // No JSON: the schema's own check says what is expected.
    return value
  }
}

/** Of several shapes the one that a value seems to be meant for: its kind fits, and most of its keys are known there. */
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

function describeIssues(issues: readonly Issue[], schema: SchemaNode, value: unknown): readonly InputIssue[] {
  return issues.flatMap((issue) => describeIssue(issue, [], schema, value)).slice(0, mostIssues)
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
    return issue.keys.map((key) => at(`is not known here${suggestion(key, known)}`, key))
  }
  const found = valueAt(root, path)
  if (issue.code === 'invalid_value') {
    const choices = issue.values.map(String)
    const hint = typeof found === 'string' ? suggestion(found, choices) : `; it is one of: ${list(choices)}`
    return [at(found === undefined ? `is missing; it is one of: ${list(choices)}` : `is not one of these${hint}`)]
  }
  if (issue.code === 'invalid_type') {
    const expected = issue.expected === 'record' ? 'object' : issue.expected
    if (found === undefined) return [at(expected === 'nonoptional' ? 'is missing' : `is missing (${expected})`)]
    const noJson = typeof found === 'string' && (expected === 'object' || expected === 'array')
    return [
      at(`has to be ${article(expected)}, not ${noJson ? 'a text that is no JSON of one' : article(kindOf(found))}`),
    ]
  }
  if (issue.code === 'invalid_union') {
    // The branch that came furthest is the one that was meant: its complaints are the useful ones.
    const meant = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)[0]
    if (meant && depthOf(meant) > 0) return meant.flatMap((inner) => describeIssue(inner, path, schema, root))
    const expected = [...kindsOf(nodeAt(schema, path, root))].filter((kind) => kind !== 'null')
    if (found === undefined) return [at('is missing')]
    return [at(issue.message === 'Invalid input' ? `has to be ${expected.map(article).join(' or ')}` : issue.message)]
  }
  return [at(issue.message)]
}

/** How far into the value the complaints of a branch reach; unknown keys count, as the rest of the object fitted. */
const depthOf = (issues: readonly Issue[]) =>
  Math.max(0, ...issues.map((issue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)))

function nodeAt(schema: SchemaNode, path: readonly PropertyKey[], root: unknown): SchemaNode {
  let node = schema
  let value = root
  for (const step of path) {
    const chosen = chooseBranch(node, value)
    const key = String(step)
    const next = typeof step === 'number' ? chosen.items : chosen.properties?.[key]
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

function suggestion(wanted: string, candidates: readonly string[]): string {
  const [found] = nearest(wanted, candidates, 1)
  const there = candidates.length > 0 ? `; there is: ${list(candidates)}` : ''
  return found === undefined ? there : `, did you mean "${found}"?${there.replace(';', '')}`
}

const list = (names: readonly string[]) =>
  names.length > 30 ? `${names.slice(0, 30).join(', ')} and ${names.length - 30} more` : names.join(', ')

const article = (kind: string) => (kind === 'null' ? 'null' : `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`)

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1))
}

/** JSON with sorted keys (as RFC 8785 orders them), so that the same facts give the same text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`
}
