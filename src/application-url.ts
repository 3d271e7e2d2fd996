const maxLength = 2048

/** Characters that WHATWG parsing silently drops or rewrites: blanks, control characters, backslashes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern must find them
const rewritten = /[\u0000-\u0020\u007f\\]|\p{Surrogate}/u

/**
 * Parses an absolute URL of an application: https, or http on a loopback address (RFC 8252 section 8.3), at most 2048
 * characters, without credentials. Returns null for everything else, and for every string that a browser could read as
 * another URL.
 */
export function parseApplicationUrl(text: string): URL | null {
  if (text.length > maxLength || rewritten.test(text) || !/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text))
    return null
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || text.split(/[/?#]/, 3)[2]?.includes('@')) return null
  // The parser of Node 20 leaves dot segments after a segment that begins with a dot (`/.a/../..`); browsers do not.
  if (/\/\.{1,2}(?:\/|$)/.test(url.pathname)) return null
  if (url.protocol === 'https:') return url
  return url.protocol === 'http:' && isLoopback(url.hostname) ? url : null
}

/** Whether the host name of a parsed URL is this machine: localhost, 127.0.0.0/8 or ::1. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname)
  )
}
