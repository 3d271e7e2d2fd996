const maxLength = 2048

/** Characters that WHATWG parsing silently drops or rewrites: blanks, control characters, backslashes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern must find them
const rewritten = /[\u0000-\u0020\u007f\\]|\p{Surrogate}/u

/** Segments that parsing removes, with the segment before them (WHATWG URL, section 4.4). */
const dotSegment = /\/(?:\.|%2e){1,2}(?:[/?#]|$)/i

/**
 * Whether parsing a URL leaves its parts as they are written. Without this check, a rule for the parsed URL would accept what it
 * is to refuse: the parser drops blanks, completes `https:host`, and removes an empty user name and dot segments.
 */
export function isWrittenWhole(text: string): boolean {
  if (rewritten.test(text) || !/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text)) return false
  const [, , authority = ''] = text.split(/[/?#]/, 3)
  if (/^@|^:@|:$/.test(authority)) return false
  return !dotSegment.test(text.split(/[?#]/, 1)[0] ?? '')
}

/**
 * Parses an absolute URL of an application: https, or http on a loopback address (RFC 8252 section 8.3), at most 2048
 * characters, without credentials. Returns null for everything else, and for every string that a browser could read as
 * another URL.
 */
export function parseApplicationUrl(text: string): URL | null {
  if (text.length > maxLength || !isWrittenWhole(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || !isHost(url.hostname)) return null
  // The parser of Node 20 leaves dot segments after a segment that begins with a dot (`/.a/../..`); browsers do not.
  if (/\/\.{1,2}(?:\/|$)/.test(url.pathname)) return null
  if (url.protocol === 'https:') return url
  return url.protocol === 'http:' && isLoopback(url.hostname) ? url : null
}

/**
 * Whether the host of a parsed URL is an address, or a name that DNS can have: up to 253 characters, in labels of 1 to 63, with or
 * without a final dot (RFC 1035, section 2.3.4). A longer one in a TLS handshake leaves an error in OpenSSL, at which the next job of Web Crypto ends the
 * process.
 */
export const isHost = (hostname: string): boolean =>
  hostname.startsWith('[') || /^(?=.{1,253}\.?$)[^.]{1,63}(?:\.[^.]{1,63})*\.?$/.test(hostname)

/** Whether the host name of a parsed URL is this machine: localhost, 127.0.0.0/8 or ::1. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname)
  )
}
