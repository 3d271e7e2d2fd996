import { inspect } from 'node:util'

const redacted = '[redacted]'

/**
 * A string that must never be printed: a token, a client secret, a key. Every conversion to a string (JSON, templates,
 * concatenation, `console.log`, `util.inspect`) returns `[redacted]`. {@link Secret.reveal} is the only way to the value,
 * so that a search for `.reveal(` lists every use.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** Returns the value. Call it only where the value is sent to its destination, and do not store the result. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.toPrimitive](): string {
    return redacted
  }

  [inspect.custom](): string {
    return redacted
  }
}
