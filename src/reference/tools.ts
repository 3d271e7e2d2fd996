import { camelCase } from '../graphql/tools/names.ts'
import { modelSchema } from '../tools/json-schema.ts'
import { type AnyTool, type OutputFormat, possibleErrors } from '../tools/tool.ts'
import { exampleLimits, type ToolExample, type ToolExamples } from '../tools/tool-example.ts'
import { anchorOf, code, fence, page, table } from './markdown.ts'

/** Returns the reference of all tools of one connector, such as docs/reference/notion-tools.md. */
export function toolsPage(connector: string, tools: readonly AnyTool[], examples: ToolExamples): string {
  const common = tools.map(namesOfErrors).reduce((shared, names) => shared.filter((name) => names.includes(name)))
  const [first, further] = [tools.filter((tool) => tool.inDefaultSet), tools.filter((tool) => !tool.inDefaultSet)]
  return page(
    `${connector} tools`,
    'Call a tool by its name with `executeTool`, or by the GraphQL field of the same name. Inputs are shown as the dialect STANDARD of `Tool.inputSchema`. [Tools for agents](../tools.md) has how models get them, and [results](../results.md) has what they return.',
    '## In the default set',
    index(first),
    '## In the set ALL',
    index(further),
    `Every tool can end with ${errorLinks(common)}. Each tool lists the errors that it can end with besides.`,
    `The examples are calls to the [sandbox](../sandbox.md) as it is at its start. Their results are cut to ${exampleLimits.lines} lines of ${exampleLimits.characters} characters.`,
    ...[...first, ...further].flatMap((tool) => entry(tool, common, examples[tool.name])),
  )
}

const index = (tools: readonly AnyTool[]): string =>
  table(
    ['Tool', 'What it does', 'Effect'],
    tools.map((tool) => [`[${code(tool.name)}](#${anchorOf(tool.name)})`, tool.title, effectOf(tool)]),
  )

function entry(tool: AnyTool, common: readonly string[], example: ToolExample | undefined): readonly string[] {
  const { properties = {}, required = [] } = modelSchema(tool, 'STANDARD') as InputSchema
  const rows = Object.entries(properties).map(([name, property]) => [
    code(name),
    typeOf(property),
    required.includes(name) ? 'yes' : '',
    [property.description ?? '', ...boundsOf(property)].filter(Boolean).join('. '),
  ])
  const errors = namesOfErrors(tool).filter((name) => !common.includes(name))
  return [
    `## ${tool.name}`,
    tool.description,
    `Effect: ${effectOf(tool)}. Capabilities: ${tool.requiredCapabilities.map(code).join(', ') || 'none'}. GraphQL: [${code(camelCase(tool.name))}](operations.md#${anchorOf(camelCase(tool.name))}).`,
    ...(rows.length > 0 ? [table(['Input', 'Type', 'Required', 'Meaning'], rows)] : ['It has no input.']),
    ...(errors.length > 0 ? [`Errors: ${errorLinks(errors)}.`] : []),
    ...(example ? exampleBlocks(example) : []),
  ]
}

const languages: Readonly<Record<OutputFormat, string>> = { MARKDOWN: 'markdown', COMPACT: 'json', RAW: 'json' }

function exampleBlocks({ input, results }: ToolExample): readonly string[] {
  const formats = Object.entries(languages) as [OutputFormat, string][]
  return [
    '<details><summary>Example</summary>',
    fence('json', input),
    ...formats.flatMap(([format, language]) => [`${code(format)}:`, fence(language, results[format])]),
    '</details>',
  ]
}

const namesOfErrors = (tool: AnyTool): readonly string[] => possibleErrors(tool).map(({ name }) => name)

const errorLinks = (names: readonly string[]): string =>
  names.map((name) => `[${code(name)}](errors.md#${anchorOf(name)})`).join(', ')

function effectOf({ readOnly, destructive }: AnyTool): string {
  if (readOnly) return 'reads'
  return destructive ? 'writes and can delete' : 'writes'
}

interface InputSchema {
  readonly properties?: Readonly<Record<string, Property>>
  readonly required?: readonly string[]
}

interface Property {
  readonly type?: string | readonly string[]
  readonly items?: Property
  readonly anyOf?: readonly Property[]
  readonly enum?: readonly unknown[]
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly default?: unknown
}

function typeOf({ type, items, anyOf, enum: values }: Property): string {
  if (values) return values.map((value) => code(JSON.stringify(value))).join(' or ')
  if (anyOf) return [...new Set(anyOf.map(typeOf))].join(' or ')
  if (type === 'array' && items) return `list of ${typeOf(items)}`
  return [type ?? 'JSON'].flat().join(' or ')
}

function boundsOf({ minimum, maximum, maxLength, minItems, maxItems, default: value }: Property): readonly string[] {
  const range = (from: number | undefined, to: number | undefined, what: string) => {
    if (from === undefined && to === undefined) return []
    if (from === undefined) return [`At most ${to}${what}`]
    return [to === undefined ? `At least ${from}${what}` : `${from} to ${to}${what}`]
  }
  return [
    ...range(minimum, maximum, ''),
    ...range(undefined, maxLength, ' characters'),
    ...range(minItems, maxItems, ' entries'),
    ...(value === undefined ? [] : [`Default: ${code(JSON.stringify(value))}`]),
  ]
}
