/**
 * Reads cookies by name from a Cookie field (RFC 6265 section 5.4). A name that comes twice gives null: one of the two was
 * set by somebody else, and which one is not to be known.
 */
export function cookieReader(header: string | null): (name: string) => string | null {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim())
  return (name) => {
    const [value, ...others] = pairs.filter((pair) => pair.startsWith(`${name}=`))
    return value === undefined || others.length > 0 ? null : value.slice(name.length + 1)
  }
}
