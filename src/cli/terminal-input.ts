import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { UsageError } from './command.ts'

/** Reads answers of the operator, one line each. */
export interface Input {
  /** Returns the next line. `hidden` lines are not shown while they are typed. Throws {@link UsageError} without one. */
  readLine(question: string, options?: { readonly hidden?: boolean }): Promise<string>
  close(): void
}

/** Longer lines are not read. Characters. */
const maxLength = 64 * 1024

/** Reads from stdin: what another command writes to it, or what a person types after the question on stderr. */
export function terminalInput(
  stdin: NodeJS.ReadStream = process.stdin,
  stderr: NodeJS.WritableStream = process.stderr,
): Input {
  let muted = false
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!muted) stderr.write(chunk)
      done()
    },
  })
  let reader: ReturnType<typeof createInterface> | undefined
  let lines: AsyncIterator<string> | undefined
  const open = () => {
    reader ??= createInterface({ input: stdin, output, terminal: stdin.isTTY === true })
    lines ??= reader[Symbol.asyncIterator]()
    return lines
  }
  return {
    async readLine(question, { hidden = false } = {}) {
      const next = open()
      if (stdin.isTTY === true) stderr.write(`${question}: `)
      muted = hidden || stdin.isTTY !== true
      const { value, done } = await next.next()
      muted = false
      if (hidden && stdin.isTTY === true) stderr.write('\n')
      if (done === true || value === undefined) throw new UsageError(`${question} is required on the standard input`)
      if (value.length > maxLength) throw new UsageError(`${question} must have at most ${maxLength} characters`)
      return value.replace(/\r$/, '')
    },
    close: () => reader?.close(),
  }
}
