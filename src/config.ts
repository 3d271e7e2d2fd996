import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { connectors as installedConnectors } from './connectors.ts'
import { isGuessable, isLocal, signOfDeployment } from './production.ts'
import { workerCount } from './workers/worker-count.ts'

/** The checked configuration of a process. {@link readConfig} creates it. */
export interface Config {
  /** As NODE_ENV names it; without NODE_ENV production for what looks deployed ({@link signOfDeployment}). */
  readonly environment: 'development' | 'production' | 'test'
  readonly host: string
  readonly port: number
  /** Processes that serve on the port. More than one only with a Postgres server and without the sandbox. */
  readonly workers: number
  /** Where metrics are served to everyone; null: on {@link Config.port}, to API keys with the scope ADMIN. */
  readonly metrics: { readonly host: string; readonly port: number } | null
  /** The base of links and redirect URIs, without a trailing slash; null: http://localhost with the port in use. */
  readonly publicUrl: string | null
  /** A Postgres server, or null for the embedded database in {@link Config.dataDirectory}. */
  readonly databaseUrl: string | null
  readonly databasePoolSize: number
  /** A standby of that server, for lists; null: none. */
  readonly databaseReplicaUrl: string | null
  /** A Redis server for events and rate budgets, with its credentials; null: Postgres carries them. */
  readonly redisUrl: string | null
  readonly dataDirectory: string
  /** Key-encryption keys; the first one encrypts, all decrypt. Null: generated in the data directory. */
  readonly masterKeys: readonly string[] | null
  /** A key service that replaces master keys; null: none. */
  readonly keyService: KeyService | null
  readonly bootstrapApiKey: string | null
  /** Whether the local Notion is served under /sandbox. */
  readonly sandbox: boolean
  /** API bases that replace those of the connectors, by slug, without a trailing slash. */
  readonly apiUrls: Readonly<Record<string, string>>
  /** Maximum size of a tool's result in bytes of UTF-8 JSON; longer results are cut. */
  readonly resultBytes: number
  /** Seconds between two verifications of an unused grant at the provider. */
  readonly verifyEverySeconds: number
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[]
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'
}

/** A service that holds the key-encryption key, instead of master keys in the configuration. */
export type KeyService =
  | {
      /** The transit engine of OpenBao or HashiCorp Vault at `address`, a base URL without a trailing slash. */
      readonly kind: 'transit'
      readonly key: string
      readonly address: string
      readonly token: string
      readonly namespace: string | null
    }
  | {
      /** AWS KMS. The AWS SDK reads region, credentials and endpoint itself. */
      readonly kind: 'aws-kms'
      readonly key: string
    }
  | {
      /** Google Cloud KMS. Its library reads the credentials itself. */
      readonly kind: 'google-kms'
      readonly key: string
      /** An origin; null: Google's own. */
      readonly endpoint: string | null
    }

/** The configuration is invalid. `problems` has one message for each invalid variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is invalid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

const generateHint = 'generate one with: npm run valetkey -- master-key generate'

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`)

/**
 * An http or https URL to which paths are appended. The result is normalized (WHATWG URL): scheme and host in lower case,
 * international host names in ASCII, no default port and no trailing slashes.
 */
const baseUrl = z
  .string()
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL')
  .refine(
    (value) => !URL.canParse(value) || new URL(value).search + new URL(value).hash === '',
    'must not have a query or a fragment',
  )
  .refine(
    (value) => !URL.canParse(value) || new URL(value).username + new URL(value).password === '',
    'must not have a user name or a password',
  )
  .transform((value) => {
    const { origin, pathname } = new URL(value)
    return `${origin}${pathname.replace(/(?<!\/)\/+$/, '')}`
  })

const postgresUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol),
    'must be a postgres:// URL',
  )

/** Whether a string is an origin as browsers send it, such as https://app.example.com. */
const isOrigin = (value: string) => URL.canParse(value) && new URL(value).origin === value

/** Strings separated by commas. */
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
)

/** Whether a string is an IP address, or a network in CIDR notation (RFC 4632 section 3.1). */
function isNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/')
  const family = isIP(address)
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32))
  return family !== 0 && isLength && rest.length === 0
}

const isMasterKey = (value: string) =>
  /^[A-Za-z0-9+/_-]{43}=?$/.test(value) && Buffer.from(value, 'base64').length === 32

/** A key's ARN, an alias or its ARN, or a key's ID: a UUID, or `mrk-` and 32 digits for a multi-Region key. */
const awsKey =
  /^(?:arn:[\w-]+:kms:[\w-]+:\d{12}:(?:key|alias)\/[\w/-]+|alias\/[\w/-]+|mrk-[\da-f]{32}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/

const googleKey = /^projects\/[\w.:-]+\/locations\/[\w-]+\/keyRings\/[\w-]+\/cryptoKeys\/[\w-]+$/

const variables = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test'], 'must be development, production or test').optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(4000),
  VALETKEY_WORKERS: z
    .string()
    .refine((value) => workerCount(value, 1) !== null, 'must be auto or a whole number between 1 and 64')
    .optional(),
  METRICS_HOST: z.string().optional(),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  PUBLIC_URL: baseUrl.optional(),
  VALETKEY_ALLOW_HTTP_PUBLIC_URL: z.enum(['on', 'off'], 'must be on or off').default('off'),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_POOL_SIZE: wholeNumber(2, 500).default(10),
  DATABASE_REPLICA_URL: postgresUrl.optional(),
  REDIS_URL: z
    .string()
    .refine(
      (value) => URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol),
      'must be a redis:// or rediss:// URL',
    )
    .optional(),
  VALETKEY_DATA_DIR: z.string().default('.valetkey'),
  VALETKEY_MASTER_KEY: list
    .refine(
      (keys) => keys.length > 0 && keys.every(isMasterKey),
      `must be 32 bytes in base64, or several of them separated by commas, the newest first; ${generateHint}`,
    )
    .optional(),
  VALETKEY_TRANSIT_KEY: z.string().optional(),
  VAULT_ADDR: baseUrl.optional(),
  VAULT_TOKEN: z.string().optional(),
  VAULT_NAMESPACE: z.string().optional(),
  VALETKEY_AWS_KMS_KEY: z
    .string()
    .regex(awsKey, 'must be the ARN, the ID or the alias (alias/…) of an AWS KMS key')
    .optional(),
  VALETKEY_GOOGLE_KMS_KEY: z
    .string()
    .regex(googleKey, 'must be projects/…/locations/…/keyRings/…/cryptoKeys/…, without a version')
    .optional(),
  VALETKEY_GOOGLE_KMS_ENDPOINT: z
    .string()
    .refine(isOrigin, 'must be an origin such as https://cloudkms.googleapis.com')
    .optional(),
  VALETKEY_BOOTSTRAP_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{8,512}$/, 'must have 8 to 512 printable ASCII characters without spaces')
    .optional(),
  VALETKEY_SANDBOX: z.enum(['on', 'off'], 'must be on or off').optional(),
  VALETKEY_RESULT_BYTES: wholeNumber(2_000, 5_000_000).default(100 * 1024),
  VALETKEY_VERIFY_EVERY_SECONDS: wholeNumber(5, 604_800).default(3_600),
  TRUSTED_PROXIES: list
    .refine(
      (networks) => networks.every(isNetwork),
      'must be addresses or networks such as 10.0.0.0/8, separated by commas',
    )
    .default([]),
  VALETKEY_CORS_ORIGINS: list
    .refine(
      (origins) => origins.every(isOrigin),
      'must be origins such as https://app.example.com, separated by commas',
    )
    .default([]),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], 'must be fatal, error, warn, info, debug or silent')
    .default('info'),
})

/** The variables of which exactly one names the source of the key-encryption key. */
const keySources = [
  'VALETKEY_MASTER_KEY',
  'VALETKEY_TRANSIT_KEY',
  'VALETKEY_AWS_KMS_KEY',
  'VALETKEY_GOOGLE_KMS_KEY',
] as const

/**
 * Reads the configuration from environment variables. An empty variable counts as absent. Each connector has a variable
 * `<SLUG>_API_URL`. Throws {@link ConfigError} with every problem if a variable is invalid.
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  connectors: readonly { readonly slug: string }[] = installedConnectors,
): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const apiUrls = z.object(
    Object.fromEntries(connectors.map(({ slug }) => [`${slug.toUpperCase()}_API_URL`, baseUrl.optional()])),
  )
  const parsed = variables.safeParse(given)
  const parsedUrls = apiUrls.safeParse(given)
  const problems = [parsed, parsedUrls].flatMap(
    ({ error }) => error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`) ?? [],
  )
  const environment = environmentOf(given)
  const production = environment === 'production'
  const sandbox = given['VALETKEY_SANDBOX'] === undefined ? !production : given['VALETKEY_SANDBOX'] === 'on'
  problems.push(...keySourceProblems(given), ...workerProblems(given, sandbox))
  if (production) problems.push(...productionProblems(given))
  if (given['DATABASE_REPLICA_URL'] !== undefined && given['DATABASE_URL'] === undefined) {
    problems.push('DATABASE_URL is required with DATABASE_REPLICA_URL')
  }
  if (given['REDIS_URL'] !== undefined && given['DATABASE_URL'] === undefined) {
    problems.push('DATABASE_URL is required with REDIS_URL: the embedded database has a single process')
  }
  if (!parsed.success || !parsedUrls.success || problems.length > 0) throw new ConfigError([...new Set(problems)])
  const values = parsed.data
  return {
    environment,
    host: values.HOST,
    port: values.PORT,
    workers: workerCount(values.VALETKEY_WORKERS, availableParallelism()) ?? 1,
    metrics:
      values.METRICS_PORT === undefined
        ? null
        : { host: values.METRICS_HOST ?? values.HOST, port: values.METRICS_PORT },
    publicUrl: values.PUBLIC_URL ?? null,
    databaseUrl: values.DATABASE_URL ?? null,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    databaseReplicaUrl: values.DATABASE_REPLICA_URL ?? null,
    redisUrl: values.REDIS_URL ?? null,
    dataDirectory: values.VALETKEY_DATA_DIR,
    masterKeys: values.VALETKEY_MASTER_KEY ?? null,
    keyService: keyServiceOf(values),
    bootstrapApiKey: values.VALETKEY_BOOTSTRAP_API_KEY ?? null,
    sandbox,
    apiUrls: Object.fromEntries(
      Object.entries(parsedUrls.data).flatMap(([name, url]) =>
        url === undefined ? [] : [[name.replace('_API_URL', '').toLowerCase(), url]],
      ),
    ),
    resultBytes: values.VALETKEY_RESULT_BYTES,
    verifyEverySeconds: values.VALETKEY_VERIFY_EVERY_SECONDS,
    corsOrigins: values.VALETKEY_CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES,
    logLevel: values.LOG_LEVEL,
  }
}

/** The variables of a process, without empty ones. */
type Given = Readonly<Record<string, string | undefined>>

/** Development is only by name or for this machine alone. A test may use a server's database, but serves this machine. */
function environmentOf(given: Given): Config['environment'] {
  const { NODE_ENV: named, ...others } = given
  if (named === 'development' || named === 'production') return named
  if (named === 'test') return signOfDeployment({ ...others, DATABASE_URL: undefined }) ? 'production' : 'test'
  return signOfDeployment(others) ? 'production' : 'development'
}

/** What a production server must not be started with or without; with the reason why this server is one. */
function productionProblems(given: Given): readonly string[] {
  const { NODE_ENV: named, PUBLIC_URL: publicUrl, VALETKEY_BOOTSTRAP_API_KEY: bootstrapKey } = given
  const problems: string[] = []
  if (keySources.every((name) => given[name] === undefined)) {
    const [masterKey, ...services] = keySources
    problems.push(
      `${masterKey} (or ${services.join(' or ')}) is required in production; ${generateHint}. If this database was used in development, use the key in the file master.key of VALETKEY_DATA_DIR`,
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

function keySourceProblems(given: Given): readonly string[] {
  const chosen = keySources.filter((name) => given[name] !== undefined)
  const problems: string[] = []
  if (chosen.length > 1) problems.push(`${chosen.join(' and ')} must not be set together`)
  if (given['VALETKEY_TRANSIT_KEY'] !== undefined) {
    for (const name of ['VAULT_ADDR', 'VAULT_TOKEN']) {
      if (given[name] === undefined) problems.push(`${name} is required with VALETKEY_TRANSIT_KEY`)
    }
  }
  return problems
}

/** The embedded database and the sandbox belong to one process each. */
function workerProblems(given: Readonly<Record<string, string | undefined>>, sandbox: boolean): readonly string[] {
  if ((workerCount(given['VALETKEY_WORKERS'], 2) ?? 1) === 1) return []
  const problems: string[] = []
  if (given['DATABASE_URL'] === undefined) {
    problems.push('VALETKEY_WORKERS must be 1 with the embedded database; set DATABASE_URL to a Postgres server')
  }
  if (sandbox) problems.push('VALETKEY_WORKERS must be 1 with the sandbox; set VALETKEY_SANDBOX=off')
  return problems
}

function keyServiceOf(values: z.output<typeof variables>): KeyService | null {
  if (values.VALETKEY_AWS_KMS_KEY !== undefined) return { kind: 'aws-kms', key: values.VALETKEY_AWS_KMS_KEY }
  if (values.VALETKEY_GOOGLE_KMS_KEY !== undefined) {
    const endpoint = values.VALETKEY_GOOGLE_KMS_ENDPOINT ?? null
    return { kind: 'google-kms', key: values.VALETKEY_GOOGLE_KMS_KEY, endpoint }
  }
  const { VALETKEY_TRANSIT_KEY: key, VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_NAMESPACE: namespace } = values
  if (key === undefined || address === undefined || token === undefined) return null
  return { kind: 'transit', key, address, token, namespace: namespace ?? null }
}
