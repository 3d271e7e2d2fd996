/** Writes one line to the terminal. A promise resolves when another line may be written: the reader may be slower. */
export type Print = (line: string) => unknown

/** The command line is invalid. The message states what the command requires. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
