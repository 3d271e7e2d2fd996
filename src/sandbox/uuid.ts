const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

/** Returns 32 hex digits as a UUID with dashes. */
export const withDashes = (hex: string) =>
  [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')

/**
 * Returns a UUID with or without dashes in Notion's format: lower case with dashes. Returns undefined for other values.
 */
export function parseUuid(value: unknown): string | undefined {
  if (typeof value !== 'string' || !uuidPattern.test(value)) return undefined
  return withDashes(value.replaceAll('-', '').toLowerCase())
}
