/** The command was called in a way that makes no sense; the message says what it takes. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
