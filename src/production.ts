import { isLoopback } from './application-url.ts'

/** What a process is for. */
export type Environment = 'development' | 'production' | 'test'

/** Variables of a process, empty ones absent. */
export type Given = Readonly<Record<string, string | undefined>>

/** The variables of which exactly one names the source of the key-encryption key. */
export const keySources = [
  'VALETKEY_MASTER_KEY',
  'VALETKEY_TRANSIT_KEY',
  'VALETKEY_AWS_KMS_KEY',
  'VALETKEY_GOOGLE_KMS_KEY',
] as const

/** How to get a master key. */
export const generateHint = 'generate one with: npm run valetkey -- master-key generate'

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

/** Development is only by name or for this machine alone. A test may use a server's database, but serves this machine. */
export function environmentOf(given: Given): Environment {
  const { NODE_ENV: named, ...others } = given
  if (named === 'development' || named === 'production') return named
  if (named === 'test') return signOfDeployment({ ...others, DATABASE_URL: undefined }) ? 'production' : 'test'
  return signOfDeployment(others) ? 'production' : 'development'
}

/** What a production server must not be started with or without; with the reason why this server is one. */
export function productionProblems(given: Given): readonly string[] {
  const { NODE_ENV: named, PUBLIC_URL: publicUrl, VALETKEY_BOOTSTRAP_API_KEY: bootstrapKey } = given
  const problems: string[] = []
  if (keySources.every((name) => given[name] === undefined)) {
    const [masterKey, ...services] = keySources
    problems.push(
      `${masterKey} (or ${services.join(' or ')}) is required in production; ${generateHint}. If this database was used in development, use the key in the file master.key of VALETKEY_DATA_DIR`,
    )
  }
  if (masterKeysOf(given).some(isGuessableMasterKey)) {
    problems.push(
      `VALETKEY_MASTER_KEY must be random bytes in production, not text, a repetition or a sequence; ${generateHint}. To replace a guessable key that is in use, run "keys rotate" with NODE_ENV=development and both keys, the new one first`,
    )
  }
  if (bootstrapKey !== undefined && (bootstrapKey.length < 24 || isGuessable(bootstrapKey))) {
    problems.push(
      'VALETKEY_BOOTSTRAP_API_KEY must have at least 24 characters in production and must not be guessable; generate one with: openssl rand -hex 32',
    )
  }
  const isHttp = publicUrl !== undefined && /^\s*http:/i.test(publicUrl)
  if (isHttp && !isLocal(publicUrl) && given['VALETKEY_ALLOW_HTTP_PUBLIC_URL'] !== 'on') {
    problems.push(
      'PUBLIC_URL must be an https URL in production, because links and callbacks contain one-time tokens. In a private network, allow http with VALETKEY_ALLOW_HTTP_PUBLIC_URL=on',
    )
  }
  if (problems.length > 0 && named !== 'production') {
    problems.push(
      `NODE_ENV is ${named ?? 'not set'} and ${signOfDeployment(given)}, so the rules of production apply. On a machine for development, set NODE_ENV=development`,
    )
  }
  return problems
}

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
  return countUnpredictable(Array.from(rest, (character) => character.charCodeAt(0))) < minUnpredictable
}

/** Of 32 random bytes, all but about two are unpredictable; half of them are with a probability below 10⁻⁹. */
const minUnpredictableBytes = 16

const masterKeysOf = ({ VALETKEY_MASTER_KEY: keys = '' }: Given) =>
  keys
    .split(',')
    .map((key) => Buffer.from(key.trim(), 'base64'))
    .filter((key) => key.length === 32)

/** Whether 32 bytes can be guessed: text, which people and programs choose, a repetition or a sequence. */
function isGuessableMasterKey(key: Buffer): boolean {
  const isText = key.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d))
  return isText || countUnpredictable([...key]) < minUnpredictableBytes
}

/** Counts the different elements of a sequence that do not follow from those before: by a repetition, or a constant step. */
function countUnpredictable(codes: readonly number[]): number {
  const seen = new Set<string>()
  const unpredictable = codes.filter((code, at) => {
    const triple = codes.slice(Math.max(at - 2, 0), at + 1).join()
    const isRepeated = seen.has(triple)
    seen.add(triple)
    const [beforeLast = Number.NaN, last = Number.NaN] = [codes[at - 2], codes[at - 1]]
    const step = code - last
    return !isRepeated && !(Math.abs(step) <= 1 || (step - (last - beforeLast)) % 256 === 0)
  })
  return Math.min(unpredictable.length, new Set(codes).size)
}
