import { type ModelSchema, modelSchema } from '../tools/json-schema.ts'
import type { AnyTool } from '../tools/tool.ts'

/**
 * Returns a TypeScript module with the type of each tool's input: what the STANDARD dialect of {@link modelSchema} describes.
 * Optional properties may also be undefined, which JSON omits.
 */
export function printInputTypes(tools: readonly AnyTool[]): string {
  const inputs = tools.map((tool) => {
    const documentation = `${tool.title}: ${tool.description}`
    return `${comment(documentation, 1)}  readonly ${tool.name}: ${typeOf(modelSchema(tool, 'STANDARD'), 1)}\n`
  })
  return `/*
 * The inputs of tools. Written by \`npm run schema\` from the tools of the server.
 */

/** The type of the input of each tool, by the name of the tool. */
export interface ToolInputs {
${inputs.join('\n')}}
`
}

/** What a node accepts, at a depth of indentation. */
function typeOf(node: ModelSchema, depth: number): string {
  const { anyOf, type, enum: values } = node as { anyOf?: ModelSchema[]; type?: string | string[]; enum?: unknown[] }
  if (anyOf !== undefined) return anyOf.map((one) => typeOf(one, depth)).join(' | ')
  if (values !== undefined) return values.map((value) => literal(value)).join(' | ')
  if (type === undefined) return 'unknown'
  return [type]
    .flat()
    .map((kind) => typeOfKind(kind, node, depth))
    .join(' | ')
}

function typeOfKind(kind: string, node: ModelSchema, depth: number): string {
  if (kind === 'integer') return 'number'
  if (kind === 'array') return `readonly ${inBrackets(typeOf((node['items'] as ModelSchema) ?? {}, depth))}[]`
  if (kind !== 'object') return kind
  const properties = node['properties'] as Readonly<Record<string, ModelSchema>> | undefined
  if (properties === undefined) return 'Readonly<Record<string, unknown>>'
  const required = (node['required'] as readonly string[] | undefined) ?? []
  const lines = Object.entries(properties).map(([key, property]) => {
    const isRequired = required.includes(key)
    const type = typeOf(property, depth + 1)
    const name = /^[A-Za-z_]\w*$/.test(key) ? key : literal(key)
    const note = comment(documentationOf(property), depth + 1)
    return `${note}${indent(depth + 1)}readonly ${name}${isRequired ? '' : '?'}: ${type}${isRequired ? '' : ' | undefined'}\n`
  })
  // An empty object type accepts every value.
  return lines.length === 0 ? 'Readonly<Record<string, never>>' : `{\n${lines.join('')}${indent(depth)}}`
}

const inBrackets = (type: string) => (type.includes(' | ') ? `(${type})` : type)

const literal = (value: unknown) =>
  typeof value === 'string' ? `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'` : JSON.stringify(value)

const indent = (depth: number) => '  '.repeat(depth)

function documentationOf({ description, default: fallback }: ModelSchema): string {
  const sentence = typeof description === 'string' ? description.replace(/[^.]$/, '$&.') : ''
  return fallback === undefined ? sentence : `${sentence} Default: ${JSON.stringify(fallback)}.`.trim()
}

function comment(text: string, depth: number): string {
  if (text === '') return ''
  return `${indent(depth)}/** ${text.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ')} */\n`
}
