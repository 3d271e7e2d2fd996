/** Writes one line to the terminal. */
export type Print = (line: string) => void

/** The command line is invalid. The message states what the command requires. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
