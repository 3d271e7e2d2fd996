/** A tool as it is declared to a model. */
export interface DeclaredTool {
  readonly name: string
  readonly description: string
  readonly schema: Readonly<Record<string, unknown>>
}

type Node = Readonly<Record<string, unknown>>

interface Visited {
  readonly node: Node
  readonly path: string
  /** How many objects and arrays are around it. */
  readonly depth: number
}

/** Every schema within a schema, itself first. */
function* nodesOf(node: Node, path = '', depth = 0): Generator<Visited> {
  yield { node, path, depth }
  for (const [key, property] of Object.entries((node['properties'] ?? {}) as Record<string, Node>)) {
    yield* nodesOf(property, `${path}.${key}`, depth + 1)
  }
  for (const [at, branch] of ((node['anyOf'] ?? []) as Node[]).entries()) yield* nodesOf(branch, `${path}|${at}`, depth)
  if (node['items'] !== undefined) yield* nodesOf(node['items'] as Node, `${path}[]`, depth + 1)
}

const keysOf = (node: Node) => Object.keys((node['properties'] ?? {}) as object)

function foreign(node: Node, allowed: readonly string[]): readonly string[] {
  return Object.keys(node).filter((keyword) => !allowed.includes(keyword))
}

const openAiKeywords = [
  ...['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf', '$ref', '$defs'],
  ...['description', 'title', 'pattern', 'format', 'multipleOf', 'minimum', 'maximum', 'exclusiveMinimum'],
  ...['exclusiveMaximum', 'minItems', 'maxItems'],
]

/**
 * What OpenAI refuses of a function tool with `strict: true`
 * (https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas").
 */
export function refusedByOpenAi({ name, description, schema }: DeclaredTool): readonly string[] {
  const found: string[] = []
  const refuse = (path: string, why: string) => found.push(`${name}${path}: ${why}`)
  if (!/^[\w-]{1,64}$/.test(name)) refuse('', 'a name has 1 to 64 letters, digits, _ or -')
  if (description.length > 1_024) refuse('', 'a description has at most 1024 characters')
  if (schema['type'] !== 'object') refuse('', 'the root must be an object, and not anyOf')
  let properties = 0
  let enumValues = 0
  let text = 0
  for (const { node, path, depth } of nodesOf(schema)) {
    for (const keyword of foreign(node, openAiKeywords)) refuse(path, `${keyword} is not supported`)
    if (depth > 10) refuse(path, 'more than 10 levels')
    if (node['type'] === undefined && node['anyOf'] === undefined && node['$ref'] === undefined) refuse(path, 'no type')
    if (node['type'] === 'array' && node['items'] === undefined) refuse(path, 'an array needs items')
    if (node['type'] === 'object') {
      const keys = keysOf(node)
      if (node['additionalProperties'] !== false) refuse(path, 'additionalProperties must be false')
      const required = (node['required'] ?? []) as string[]
      if (required.length !== keys.length || keys.some((key) => !required.includes(key))) {
        refuse(path, 'every key must be required')
      }
      properties += keys.length
      text += keys.join('').length
    }
    const values = (node['enum'] ?? []) as unknown[]
    enumValues += values.length
    text += values.map(String).join('').length
    if (values.length > 250 && values.map(String).join('').length > 15_000) refuse(path, 'an enum that is too long')
  }
  if (properties > 5_000) refuse('', 'more than 5000 properties')
  if (enumValues > 1_000) refuse('', 'more than 1000 enum values')
  if (text > 120_000) refuse('', 'more than 120000 characters of names and values')
  return found
}

const anthropicRefusals = [
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'maxItems'],
  ...['uniqueItems', 'oneOf', 'not', 'if', 'patternProperties', 'propertyNames', 'default', '$ref'],
]

/**
 * What Anthropic refuses of a tool's `input_schema`: its rules for tools (root and names), and with `strict: true` those
 * of structured outputs but for the number of nullable fields in a request, which depends on the other tools
 * (https://docs.claude.com/en/docs/build-with-claude/structured-outputs, "JSON Schema limitations").
 */
export function refusedByAnthropic({ name, schema }: DeclaredTool, strict: boolean): readonly string[] {
  const found: string[] = []
  const refuse = (path: string, why: string) => found.push(`${name}${path}: ${why}`)
  if (!/^[\w-]{1,64}$/.test(name)) refuse('', 'a name has 1 to 64 letters, digits, _ or -')
  if (schema['type'] !== 'object') refuse('', 'the root must be an object')
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    if (schema[keyword] !== undefined) refuse('', `${keyword} is not allowed at the root`)
  }
  for (const { node, path } of nodesOf(schema)) {
    for (const key of keysOf(node)) {
      if (!/^[\w.-]{1,64}$/.test(key)) refuse(path, `"${key}" is not a valid name of a property`)
    }
    if (!strict) continue
    for (const keyword of anthropicRefusals)
      if (node[keyword] !== undefined) refuse(path, `${keyword} is not supported`)
    if (node['type'] === 'object' && node['additionalProperties'] !== false) {
      refuse(path, 'additionalProperties must be false')
    }
  }
  return found
}

const geminiKeywords = [
  ...['$id', '$defs', '$ref', '$anchor', 'type', 'format', 'title', 'description', 'enum', 'items', 'prefixItems'],
  ...['minItems', 'maxItems', 'minimum', 'maximum', 'anyOf', 'oneOf', 'properties', 'additionalProperties'],
  ...['required', 'propertyOrdering'],
]

/**
 * What Gemini refuses of a function declaration's `parametersJsonSchema`
 * (https://ai.google.dev/api/caching#FunctionDeclaration and the JSON Schema keywords of
 * https://ai.google.dev/gemini-api/docs/structured-output), and beyond that what its `Schema` type cannot hold, as its
 * OpenAI-compatible endpoint turns declarations into that: lists of types, enums of other things than texts.
 */
export function refusedByGemini({ name, schema }: DeclaredTool): readonly string[] {
  const found: string[] = []
  const refuse = (path: string, why: string) => found.push(`${name}${path}: ${why}`)
  if (!/^[A-Za-z_][\w.-]{0,63}$/.test(name)) refuse('', 'a name begins with a letter and has at most 64 characters')
  if (schema['type'] !== 'object') refuse('', 'the root must be an object')
  for (const { node, path } of nodesOf(schema)) {
    for (const keyword of foreign(node, geminiKeywords)) refuse(path, `${keyword} is unknown`)
    if (Array.isArray(node['type'])) refuse(path, 'a list of types')
    if (node['type'] === 'array' && node['items'] === undefined) refuse(path, 'an array needs items')
    const values = (node['enum'] ?? []) as unknown[]
    if (values.some((value) => typeof value !== 'string' || value === '')) refuse(path, 'an enum holds texts')
    const required = (node['required'] ?? []) as string[]
    if (required.some((key) => !keysOf(node).includes(key))) refuse(path, 'a required key is not defined')
  }
  return found
}
