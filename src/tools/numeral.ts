const numeral = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i
const integer = /^[-+]?\d+$/

/** The largest double has 309 digits. */
const maxLength = 400

/**
 * Returns the number that a decimal numeral means, such as `12`, `-0.5` or `1e3`. Null for any other text, for what is too large,
 * and for an integer beyond 2^53 of which a number would lose digits, such as an account number.
 */
export function numberIn(text: string): number | null {
  const trimmed = text.trim()
  if (trimmed.length > maxLength || !numeral.test(trimmed)) return null
  const number = Number(trimmed)
  if (!Number.isFinite(number)) return null
  const isExact = Number.isSafeInteger(number) || !integer.test(trimmed) || BigInt(trimmed) === BigInt(number)
  return isExact ? number : null
}
