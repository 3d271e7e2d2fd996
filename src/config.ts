import { availableParallelism } from 'node:os'
import * as z from 'zod'
import { connectors as installedConnectors } from './connectors.ts'
import { type Environment, environmentOf, type Given, keySources, productionProblems } from './production.ts'
import type { OtlpProtocol, TelemetryConfig } from './telemetry/telemetry.ts'
import { apiUrl, apiUrlVariable, variables } from './variables.ts'
import { workerCount } from './workers/worker-count.ts'

/** The checked configuration of a process. {@link readConfig} creates it. */
export interface Config {
  /** As NODE_ENV names it; without NODE_ENV production for what looks deployed ({@link environmentOf}). */
  readonly environment: Environment
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
  /** The same database without a pooler on the way; null: {@link Config.databaseUrl} has no pooler. */
  readonly databaseDirectUrl: string | null
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
  /** Whether the operator's console is served under /console. */
  readonly console: boolean
  /** API bases that replace those of the connectors, by slug, without a trailing slash. */
  readonly apiUrls: Readonly<Record<string, string>>
  /** Maximum size of a tool's result in bytes of UTF-8 JSON; longer results are cut. */
  readonly resultBytes: number
  /** Seconds between two verifications of an unused grant at the provider. */
  readonly verifyEverySeconds: number
  /** Days for which changes of the status of accounts are stored. */
  readonly historyDays: number
  /** Days after which events leave the audit log; 0: never. */
  readonly auditRetentionDays: number
  /** Whether user sessions may let another provider user replace that of an account. */
  readonly sessionsMayChangeUser: boolean
  /** Networks that webhooks may be sent to although they are not public. */
  readonly webhookPrivateNetworks: readonly string[]
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[]
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  /** What is sent to an OpenTelemetry collector; null: nothing. */
  readonly telemetry: TelemetryConfig | null
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

/**
 * Reads the configuration from environment variables. An empty variable counts as absent. Each connector has a variable
 * `<SLUG>_API_URL`. Throws {@link ConfigError} with every problem if a variable is invalid.
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  connectors: readonly { readonly slug: string }[] = installedConnectors,
): Config {
  const { config, problems } = inspectConfig(env, connectors)
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

/** Reads the configuration as {@link readConfig} does, and returns it with every problem. Invalid variables count as absent. */
export function inspectConfig(
  env: Readonly<Record<string, string | undefined>>,
  connectors: readonly { readonly slug: string }[] = installedConnectors,
): { readonly config: Config; readonly problems: readonly string[] } {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const apiUrls = z.object(Object.fromEntries(connectors.map(({ slug }) => [apiUrlVariable(slug), apiUrl])))
  const issues = [variables, apiUrls].flatMap((schema) => schema.safeParse(given).error?.issues ?? [])
  const problems = issues.map(({ path, message }) => `${path.join('.')} ${message}`)
  const environment = environmentOf(given)
  const production = environment === 'production'
  const sandbox = given['VALETKEY_SANDBOX'] === undefined ? !production : given['VALETKEY_SANDBOX'] === 'on'
  problems.push(...keySourceProblems(given), ...workerProblems(given, sandbox))
  if (production) problems.push(...productionProblems(given))
  for (const name of ['DATABASE_DIRECT_URL', 'DATABASE_REPLICA_URL']) {
    if (given[name] !== undefined && given['DATABASE_URL'] === undefined) {
      problems.push(`DATABASE_URL is required with ${name}`)
    }
  }
  if (given['REDIS_URL'] !== undefined && given['DATABASE_URL'] === undefined) {
    problems.push('DATABASE_URL is required with REDIS_URL: the embedded database has a single process')
  }
  const invalid = new Set(issues.map(({ path }) => path[0]))
  const valid = Object.fromEntries(Object.entries(given).filter(([name]) => !invalid.has(name)))
  const values = variables.parse(valid)
  const config: Config = {
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
    databaseDirectUrl: values.DATABASE_DIRECT_URL ?? null,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    databaseReplicaUrl: values.DATABASE_REPLICA_URL ?? null,
    redisUrl: values.REDIS_URL ?? null,
    dataDirectory: values.VALETKEY_DATA_DIR,
    masterKeys: values.VALETKEY_MASTER_KEY ?? null,
    keyService: keyServiceOf(values),
    bootstrapApiKey: values.VALETKEY_BOOTSTRAP_API_KEY ?? null,
    sandbox,
    console: values.VALETKEY_CONSOLE === 'on',
    apiUrls: Object.fromEntries(
      Object.entries(apiUrls.parse(valid)).flatMap(([name, url]) =>
        url === undefined ? [] : [[name.replace('_API_URL', '').toLowerCase(), url]],
      ),
    ),
    resultBytes: values.VALETKEY_RESULT_BYTES,
    verifyEverySeconds: values.VALETKEY_VERIFY_EVERY_SECONDS,
    historyDays: values.VALETKEY_HISTORY_DAYS,
    sessionsMayChangeUser: values.VALETKEY_SESSIONS_MAY_CHANGE_USER === 'on',
    auditRetentionDays: values.VALETKEY_AUDIT_RETENTION_DAYS,
    webhookPrivateNetworks: values.VALETKEY_WEBHOOK_PRIVATE_NETWORKS ?? (production ? [] : ['127.0.0.0/8', '::1']),
    corsOrigins: values.VALETKEY_CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES,
    telemetry: telemetryOf(values),
    logLevel: values.LOG_LEVEL,
  }
  return { config, problems: [...new Set(problems)] }
}

/** A signal is sent when it has an endpoint: without one, the standard's default would be a collector on this machine. */
function telemetryOf(values: z.output<typeof variables>): TelemetryConfig | null {
  if (values.OTEL_SDK_DISABLED) return null
  const protocol = values.OTEL_EXPORTER_OTLP_PROTOCOL
  const signal = (
    endpoint: string | undefined,
    exporter: 'otlp' | 'none',
    own: OtlpProtocol | undefined,
  ): OtlpProtocol | null =>
    exporter === 'none' || (endpoint ?? values.OTEL_EXPORTER_OTLP_ENDPOINT) === undefined ? null : (own ?? protocol)
  const traces = signal(
    values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    values.OTEL_TRACES_EXPORTER,
    values.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
  )
  const metrics = signal(
    values.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
    values.OTEL_METRICS_EXPORTER,
    values.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL,
  )
  if (traces === null && metrics === null) return null
  const acceptsContext = values.OTEL_PROPAGATORS.includes('tracecontext')
  return { traces, metrics, metricIntervalMs: values.OTEL_METRIC_EXPORT_INTERVAL, acceptsContext }
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
function workerProblems(given: Given, sandbox: boolean): readonly string[] {
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
