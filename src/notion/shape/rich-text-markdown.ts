import { isObject, type JsonObject, objectAt, textAt } from '../json.ts'

/** Returns rich text as Markdown with annotations, links, mentions and equations. */
export function richTextMarkdown(value: unknown): string {
  if (!Array.isArray(value)) return ''
  return value.filter(isObject).map(itemMarkdown).join('')
}

function itemMarkdown(item: JsonObject): string {
  const plain = textAt(item, 'plain_text') ?? textAt(objectAt(item, 'text'), 'content') ?? ''
  if (item.type === 'equation') return `$${textAt(objectAt(item, 'equation'), 'expression') ?? plain}$`
  const annotations = objectAt(item, 'annotations')
  let text = annotations.code === true ? code(plain) : plain
  if (annotations.bold === true) text = around(text, '**')
  if (annotations.italic === true) text = around(text, '_')
  if (annotations.strikethrough === true) text = around(text, '~~')
  const address = textAt(item, 'href')
  return address === null ? text : `[${text}](${address})`
}

// Emphasis marks must touch the text, so white space goes outside.
function around(text: string, mark: string): string {
  const inner = text.trim()
  const start = text.length - text.trimStart().length
  const end = start + inner.length
  return inner === '' ? text : `${text.slice(0, start)}${mark}${inner}${mark}${text.slice(end)}`
}

const code = (text: string) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``)

/** Escapes a string for a cell of a Markdown table. */
export function tableCell(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('|', '\\|')
    .replaceAll(/(?<!\s)\s*\n\s*/g, ' ')
}

/** Returns a Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(tableCell).join(' | ')} |`
  return [line(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}
