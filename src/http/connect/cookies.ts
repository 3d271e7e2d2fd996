/**
 * Returns a reader of cookies by name from a Cookie field (RFC 6265 section 5.4). It returns null for a name that occurs
 * twice: another site may have set one of the two, and nothing shows which. The `cookie` package would return the first.
 */
export function cookieReader(header: string | null): (name: string) => string | null {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim())
  return (name) => {
    const [value, ...others] = pairs.filter((pair) => pair.startsWith(`${name}=`))
    return value === undefined || others.length > 0 ? null : value.slice(name.length + 1)
  }
}
