import { isLoopback } from './application-url.ts'

/** Variables of a process, empty ones absent. */
type Given = Readonly<Record<string, string | undefined>>

/**
 * Returns why a process without NODE_ENV counts as deployed, so that it runs in production: it listens on an address of
 * the network, is reached from elsewhere, or shares a database. Null: it serves this machine only.
 */
export function signOfDeployment({ HOST, PUBLIC_URL, DATABASE_URL }: Given): string | null {
  if (HOST !== undefined && !isLocal(HOST.includes(':') ? `http://[${HOST}]` : `http://${HOST}`)) {
    return 'HOST is not a loopback address'
  }
  if (PUBLIC_URL !== undefined && !isLocal(PUBLIC_URL)) return 'PUBLIC_URL is not on this machine'
  return DATABASE_URL === undefined ? null : 'DATABASE_URL is set'
}

/** Whether a URL leads to this machine. */
export const isLocal = (url: string) => URL.canParse(url) && isLoopback(new URL(url).hostname)

/** Words of placeholders and documentation, which add nothing to a key. */
const placeholders =
  /admin|api|change|default|example|here|insert|key|me|my|passw(?:or|0r)d|placeholder|please|production|qwertyuiop|asdfghjkl|secret|super|this|token|valetkey|your/g

/** A key must have this many different characters, and as many that do not follow from those before them. */
const minUnpredictable = 8

/**
 * Whether a key can be guessed although it is long: a placeholder, a repetition or a sequence. Random keys in hexadecimal
 * and base64 have more than twice the characters that it asks for.
 */
export function isGuessable(key: string): boolean {
  const rest = key.toLowerCase().replaceAll(placeholders, '')
  const seen = new Set<string>()
  const unpredictable = [...rest].filter((_, at) => {
    const triple = rest.slice(Math.max(at - 2, 0), at + 1)
    const isRepeated = seen.has(triple)
    seen.add(triple)
    return !isRepeated && Math.abs(rest.charCodeAt(at) - rest.charCodeAt(at - 1)) > 1
  })
  return Math.min(unpredictable.length, new Set(rest).size) < minUnpredictable
}
