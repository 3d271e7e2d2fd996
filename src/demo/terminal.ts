import { styleText } from 'node:util'

/** Shows the steps of the demo as they happen. */
export interface Terminal {
  title(text: string): void
  step(text: string): void
  note(text: string): void
  request(document: string, variables: unknown): void
  response(data: unknown): void
  /** A page as a browser without pictures would show it. */
  page(url: string, html: string): void
  summary(text: string): void
  failure(text: string): void
}

const longestAnswer = 1_500

/** Writes to a stream, in colour or plain. */
export function createTerminal(out: { write(text: string): unknown }, colour: boolean): Terminal {
  const paint = (style: Parameters<typeof styleText>[0], text: string) => (colour ? styleText(style, text) : text)
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
        text.length > longestAnswer ? `${text.slice(0, longestAnswer)}\n… (${text.length} characters)` : text
      line(paint('green', indented(shown)))
    },
    page: (url, html) => {
      const text = html
        .replace(/<(style|head)[\s\S]*?<\/\1>/g, '')
        .replace(/<[^>]+>/g, '\n')
        .replace(/\s*\n\s*/g, '\n')
        .trim()
      line(indented(paint('dim', url)))
      line(indented(text))
    },
    summary: (text) => line(`\n${paint(['bold', 'green'], `${steps} steps. ${text}`)}\n`),
    failure: (text) => line(`\n${paint(['bold', 'red'], `Step ${steps} failed: ${text}`)}\n`),
  }
}

/** JSON, but with texts of several lines (Markdown) as they are. */
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
