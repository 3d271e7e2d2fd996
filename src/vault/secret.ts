import { inspect } from 'node:util'

const redacted = '[redacted]'

/**
 * A text that must never be printed: a token, a client secret, a key. Every way in which JavaScript turns an object
 * into text (JSON, templates, string concatenation, `console.log`, `util.inspect`) gives `[redacted]`.
 * {@link Secret.reveal} is the only way to the text, so that a search for `.reveal(` lists every place that uses one.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself. Call it where the text leaves for its one destination, and keep the result nowhere. */
  reveal(): string {
    return this.#text
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
