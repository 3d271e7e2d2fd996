import { styleText } from 'node:util'

/** Prints the steps of the demo. */
export interface Terminal {
  title(text: string): void
  step(text: string): void
  note(text: string): void
  request(document: string, variables: unknown): void
  response(data: unknown): void
  /** The text of an HTML page. */
  page(url: string, html: string): void
  summary(text: string): void
  failure(text: string): void
}

/** Characters of a response that are printed. */
const maxShownLength = 1_500

/** Creates a terminal that writes to a stream, in color or plain. */
export function createTerminal(out: { write(text: string): unknown }, color: boolean): Terminal {
  const paint = (style: Parameters<typeof styleText>[0], text: string) => (color ? styleText(style, text) : text)
  const line = (text: string) => out.write(`${text}\n`)
  const indented = (text: string) => text.replace(/^/gm, '    ')
  let steps = 0
  return {
    title: (text) => line(`\n${paint('bold', text)}`),
    step: (text) => {
      steps++
      line(`\n${paint(['bold', 'cyan'], `${steps}. ${text}`)}\n`)
    },
    note: (text) => line(indented(text)),
    request: (document, variables) => {
      line(paint('dim', indented(document)))
      line(paint('dim', indented(`variables ${JSON.stringify(variables, null, 2)}`)))
    },
    response: (data) => {
      const text = render(data)
      const shown =
        text.length > maxShownLength ? `${text.slice(0, maxShownLength)}\n… (${text.length} characters)` : text
      line(paint('green', indented(shown)))
    },
    page: (url, html) => {
      const [, body = html] = html.split('</head>', 2)
      const text = body
        .replace(/<[^<>]+>/g, '\n')
        .replace(/(?<!\s)\s*\n\s*/g, '\n')
        .trim()
      line(indented(paint('dim', url)))
      line(indented(text))
    },
    summary: (text) => line(`\n${paint(['bold', 'green'], `${steps} steps. ${text}`)}\n`),
    failure: (text) => line(`\n${paint(['bold', 'red'], `Step ${steps} failed: ${text}`)}\n`),
  }
}

/** Returns JSON; for data with a string of several lines (Markdown), that string. */
function render(data: unknown): string {
  const text = findText(data)
  return text ?? JSON.stringify(data, null, 2)
}

function findText(data: unknown): string | null {
  if (typeof data === 'string') return data.includes('\n') ? data : null
  if (typeof data !== 'object' || data === null) return null
  for (const value of Object.values(data)) {
    const text = findText(value)
    if (text !== null) return text
  }
  return null
}
