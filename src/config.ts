import { z } from 'zod'
import { baseUrl, isOrigin, list, wholeNumber } from './config-values.ts'
import { connectors as installedConnectors } from './connectors.ts'
import { type KeyService, keyServiceOf, keyServiceVariables, keySourceProblems } from './key-service-config.ts'

/** Everything that the process is told from outside, checked. Made by {@link readConfig}. */
export interface Config {
  readonly environment: 'development' | 'production' | 'test'
  readonly host: string
  readonly port: number
  /** The base of links and redirect URIs, without a final slash; null: http://localhost with the port that is listened on. */
  readonly publicUrl: string | null
  /** A Postgres server, or null for the embedded database in {@link Config.dataDirectory}. */
  readonly databaseUrl: string | null
  readonly databasePoolSize: number
  readonly dataDirectory: string
  /** Key-encryption keys, the first for sealing, the others for opening; null: generated in the data directory. */
  readonly masterKeys: readonly string[] | null
  /** A key service that stands in for master keys; null: none. */
  readonly keyService: KeyService | null
  readonly bootstrapApiKey: string | null
  /** Whether the local Notion is served under /sandbox. */
  readonly sandbox: boolean
  /** Bases of providers' APIs that replace those of the connectors, by slug, without a final slash. */
  readonly apiUrls: Readonly<Record<string, string>>
  /** The longest result of a tool in bytes of UTF-8 JSON; longer ones are cut. */
  readonly resultBytes: number
  /** How often the provider is asked about a grant that nobody uses, in seconds. */
  readonly verifyEverySeconds: number
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[]
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'
}

/** The configuration is wrong; `problems` names every variable that is, with what it has to be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

const masterKey = (text: string) => /^[A-Za-z0-9+/_-]{43}=?$/.test(text) && Buffer.from(text, 'base64').length === 32

const variables = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'], 'has to be development, production or test')
    .default('development'),
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535, 4000),
  PUBLIC_URL: baseUrl.optional(),
  DATABASE_URL: z
    .string()
    .refine(
      (text) => URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol),
      'has to be a postgres:// URL',
    )
    .optional(),
  DATABASE_POOL_SIZE: wholeNumber(2, 500, 10),
  VALETKEY_DATA_DIR: z.string().default('.valetkey'),
  VALETKEY_MASTER_KEY: list
    .refine(
      (keys) => keys.length > 0 && keys.every(masterKey),
      'has to be 32 bytes in base64, or several of them with commas, the newest first; make one with: npm run valetkey -- master-key generate',
    )
    .optional(),
  ...keyServiceVariables,
  VALETKEY_BOOTSTRAP_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{8,512}$/, 'has to have 8 to 512 printable ASCII characters and no blanks')
    .optional(),
  VALETKEY_SANDBOX: z.enum(['on', 'off'], 'has to be on or off').optional(),
  VALETKEY_RESULT_BYTES: wholeNumber(2_000, 5_000_000, 100 * 1024),
  VALETKEY_VERIFY_EVERY_SECONDS: wholeNumber(5, 604_800, 3_600),
  VALETKEY_CORS_ORIGINS: list
    .refine((origins) => origins.every(isOrigin), 'has to be origins such as https://app.example.com, with commas')
    .default([]),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], 'has to be fatal, error, warn, info, debug or silent')
    .default('info'),
})

/**
 * Reads the configuration out of environment variables. An empty variable counts as absent. Fails with a
 * {@link ConfigError} that names all problems at once. For each connector `<SLUG>_API_URL` is a variable.
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
  const production = given['NODE_ENV'] === 'production'
  problems.push(...keySourceProblems(given, production))
  if (production && (given['VALETKEY_BOOTSTRAP_API_KEY']?.length ?? 24) < 24) {
    problems.push('VALETKEY_BOOTSTRAP_API_KEY has to have at least 24 characters in production')
  }
  if (!parsed.success || !parsedUrls.success || problems.length > 0) throw new ConfigError([...new Set(problems)])
  const values = parsed.data
  return {
    environment: values.NODE_ENV,
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL ?? null,
    databaseUrl: values.DATABASE_URL ?? null,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    dataDirectory: values.VALETKEY_DATA_DIR,
    masterKeys: values.VALETKEY_MASTER_KEY ?? null,
    keyService: keyServiceOf(values),
    bootstrapApiKey: values.VALETKEY_BOOTSTRAP_API_KEY ?? null,
    sandbox:
      values.VALETKEY_SANDBOX === undefined ? values.NODE_ENV !== 'production' : values.VALETKEY_SANDBOX === 'on',
    apiUrls: Object.fromEntries(
      Object.entries(parsedUrls.data).flatMap(([name, url]) =>
        url === undefined ? [] : [[name.replace('_API_URL', '').toLowerCase(), url]],
      ),
    ),
    resultBytes: values.VALETKEY_RESULT_BYTES,
    verifyEverySeconds: values.VALETKEY_VERIFY_EVERY_SECONDS,
    corsOrigins: values.VALETKEY_CORS_ORIGINS,
    logLevel: values.LOG_LEVEL,
  }
}
