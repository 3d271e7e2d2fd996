/** Returns a table of GitHub's Markdown. Cells are Markdown; line breaks in them become spaces. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const cell = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .replaceAll('|', '\\|')

/** Returns text as code. */
export const code = (text: string): string => `\`${text}\``

/** Returns a block of code, between fences that are longer than those in it. */
export function fence(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/^ *`{3,}/gm) ?? []).map((found) => found.trim().length))
  const marks = '`'.repeat(longest + 1)
  return `${marks}${language}\n${text}\n${marks}`
}

/** The anchor of a heading that is a name of GraphQL or of a tool, as GitHub derives it. */
export const anchorOf = (name: string): string => name.toLowerCase()

/** Returns a page that was made from the code. Its first line is a warning against editing it. */
export const page = (title: string, ...blocks: readonly string[]): string =>
  `${['<!-- Made from the code by npm run schema. -->', `# ${title}`, ...blocks].join('\n\n')}\n`
