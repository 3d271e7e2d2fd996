/**
 * Returns a reader of cookies by name from a Cookie field (RFC 6265 section 5.4). It returns null for a name that occurs
 * twice: another site may have set one of the two, and nothing shows which. The `cookie` package would return the first.
 */
export function cookieReader(header: string | null): (name: string) => string | null {
  const pairs = pairsOf(header)
  return (name) => {
    const [value, ...others] = pairs.filter((pair) => pair.startsWith(`${name}=`))
    return value === undefined || others.length > 0 ? null : value.slice(name.length + 1)
  }
}

/** Returns the names of the cookies in a Cookie field, in its order. */
export function cookieNames(header: string | null): readonly string[] {
  return pairsOf(header).map((pair) => pair.split('=', 1)[0] ?? '')
}

const pairsOf = (header: string | null) => (header ?? '').split(';').map((pair) => pair.trim())
