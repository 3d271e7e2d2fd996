import * as z from 'zod'
import { isNetwork } from './networks.ts'
import { generateHint } from './production.ts'
import { workerCount } from './workers/worker-count.ts'

/*
 * The environment variables: their syntax, defaults and meaning, from which docs/configuration.md is made. A description is
 * Markdown. A variable whose default is not a value of its own names it as `default`.
 */

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

const onOrOff = z.enum(['on', 'off'], 'must be on or off')

const postgresUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol),
    'must be a postgres:// URL',
  )

/** Whether the user name and the password of a URL can be decoded. */
function hasDecodableCredentials(value: string): boolean {
  if (!URL.canParse(value)) return true
  const { username, password } = new URL(value)
  try {
    decodeURIComponent(`${username}:${password}`)
    return true
  } catch {
    return false
  }
}

/** Whether a string is an origin as browsers send it, such as https://app.example.com. */
const isOrigin = (value: string) => URL.canParse(value) && new URL(value).origin === value

/** Strings separated by commas. */
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
)

const networks = list.refine(
  (values) => values.every(isNetwork),
  'must be addresses or networks such as 10.0.0.0/8, separated by commas',
)

const isMasterKey = (value: string) =>
  /^[A-Za-z0-9+/_-]{43}=?$/.test(value) && Buffer.from(value, 'base64').length === 32

/** A key's ARN, an alias or its ARN, or a key's ID: a UUID, or `mrk-` and 32 digits for a multi-Region key. */
const awsKey =
  /^(?:arn:[\w-]+:kms:[\w-]+:\d{12}:(?:key|alias)\/[\w/-]+|alias\/[\w/-]+|mrk-[\da-f]{32}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/

const googleKey = /^projects\/[\w.:-]+\/locations\/[\w-]+\/keyRings\/[\w-]+\/cryptoKeys\/[\w-]+$/

const server = {
  NODE_ENV: z.enum(['development', 'production', 'test'], 'must be development, production or test').optional().meta({
    default: 'see [Production](#production)',
    description:
      '`development`, `production` or `test`. `production` turns off GraphiQL, introspection, suggestions and the sandbox',
  }),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
  PORT: wholeNumber(0, 65_535).default(4000).describe('Port to listen on; `0` for any free port'),
  VALETKEY_WORKERS: z
    .string()
    .refine((value) => workerCount(value, 1) !== null, 'must be auto or a whole number between 1 and 64')
    .optional()
    .meta({
      default: '`1`',
      description:
        'Processes that serve on the port: 1 to 64, or `auto` for one for each CPU core. More than one requires `DATABASE_URL`, and `VALETKEY_SANDBOX=off` outside production',
    }),
  METRICS_PORT: wholeNumber(0, 65_535)
    .optional()
    .meta({ default: 'none', description: 'Port for `/metrics` alone, without a credential. `0` for any free port' }),
  METRICS_HOST: z
    .string()
    .optional()
    .meta({ default: '`HOST`', description: 'Address to listen on for `METRICS_PORT`' }),
  PUBLIC_URL: baseUrl.optional().meta({
    default: '`http://localhost:PORT`',
    description:
      'Base of links and redirect URIs, normalized. Never taken from a request. Must be https in production, except on this machine',
  }),
  VALETKEY_ALLOW_HTTP_PUBLIC_URL: onOrOff
    .default('off')
    .describe('`on` allows an http `PUBLIC_URL` in production, for private networks'),
  TRUSTED_PROXIES: networks
    .default([])
    .describe(
      'Addresses or networks (`10.0.0.0/8`) of the proxies in front of the server, separated by commas. Their `X-Forwarded-For` is believed. Without it all clients behind a proxy share one limit of requests',
    ),
  VALETKEY_CONSOLE: onOrOff.default('on').describe('Serves the [console](console.md) for operators at `/console`'),
  VALETKEY_CORS_ORIGINS: list
    .refine(
      (origins) => origins.every(isOrigin),
      'must be origins such as https://app.example.com, separated by commas',
    )
    .default([])
    .describe('Origins whose pages may call the API, separated by commas'),
  VALETKEY_WEBHOOK_PRIVATE_NETWORKS: networks.optional().meta({
    default: 'none, in development `127.0.0.0/8,::1`',
    description:
      'Addresses or networks that [webhooks](webhooks.md#addresses) may be sent to although they are not public, separated by commas. They may use http',
  }),
  VALETKEY_BOOTSTRAP_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{8,512}$/, 'must have 8 to 512 printable ASCII characters without spaces')
    .optional()
    .meta({
      default: 'generated, printed once',
      description:
        'An `ADMIN` key of the environment `default`; 8 to 512 characters. In production at least 24, and not a placeholder, a repetition or a sequence',
    }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], 'must be fatal, error, warn, info, debug or silent')
    .default('info')
    .describe('`fatal`, `error`, `warn`, `info`, `debug` or `silent`'),
}

const data = {
  DATABASE_URL: postgresUrl.optional().meta({
    default: 'embedded Postgres in the data directory',
    description:
      'URL of a Postgres server, version 15 or newer, or of a connection pooler in front of it: see [Connection poolers](#connection-poolers)',
  }),
  DATABASE_DIRECT_URL: postgresUrl
    .optional()
    .describe(
      'URL of the same database without a pooler on the way, for what does not work through one. Each process opens one connection to it, and for moments at its start up to two more',
    ),
  DATABASE_POOL_SIZE: wholeNumber(2, 500)
    .default(10)
    .describe(
      'Connections of each process to that server, 2 to 500. Each process opens one more, for events; to `DATABASE_DIRECT_URL` if that is set',
    ),
  DATABASE_REPLICA_URL: postgresUrl
    .optional()
    .describe(
      'URL of a streaming standby of that server, for lists. Each process opens up to `DATABASE_POOL_SIZE` connections to it',
    ),
  REDIS_URL: z
    .string()
    .refine(
      (value) => URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol),
      'must be a redis:// or rediss:// URL',
    )
    .refine(
      (value) => !URL.canParse(value) || /^\/?\d*$/.test(new URL(value).pathname),
      'must have no path but the number of a database, such as /0',
    )
    .refine(hasDecodableCredentials, 'must have % in the user name and the password written as %25')
    .optional()
    .describe(
      '`redis://` or `rediss://` URL of a Redis server, version 6 or newer, for events and rate budgets. Requires `DATABASE_URL`. Set it for all nodes',
    ),
  VALETKEY_HISTORY_DAYS: wholeNumber(1, 36_500)
    .default(365)
    .describe(
      'Days for which changes of the status of accounts are stored, 1 to 36500. The newest of each account is always stored',
    ),
  VALETKEY_DATA_DIR: z
    .string()
    .default('.valetkey')
    .describe("Directory of the embedded database, the generated development key and the sandbox's content"),
}

const keyEncryption = {
  VALETKEY_MASTER_KEY: list
    .refine(
      (keys) => keys.length > 0 && keys.every(isMasterKey),
      `must be 32 bytes in base64, or several of them separated by commas, the newest first; ${generateHint}`,
    )
    .optional()
    .meta({
      default: 'generated in development',
      description:
        'Key-encryption keys, 32 random bytes in base64 each, separated by commas, the newest first. Production refuses guessable keys: text, repetitions and sequences',
    }),
  VALETKEY_TRANSIT_KEY: z
    .string()
    .optional()
    .describe(
      'Name of a key in the transit engine of OpenBao or HashiCorp Vault. Requires `VAULT_ADDR` and `VAULT_TOKEN`',
    ),
  VAULT_ADDR: baseUrl.optional().describe('Base URL of that engine, such as `https://vault.example.com:8200`'),
  VAULT_TOKEN: z
    .string()
    .optional()
    .describe('Token for that engine, with the right to encrypt and decrypt with the key'),
  VAULT_NAMESPACE: z.string().optional().describe('Namespace of the key, where the engine has namespaces'),
  VALETKEY_AWS_KMS_KEY: z
    .string()
    .regex(awsKey, 'must be the ARN, the ID or the alias (alias/…) of an AWS KMS key')
    .optional()
    .describe(
      'ARN, ID or alias of a symmetric AWS KMS key. Requires `npm install @aws-sdk/client-kms`. The AWS SDK reads `AWS_REGION`, `AWS_ENDPOINT_URL_KMS` and credentials',
    ),
  VALETKEY_GOOGLE_KMS_KEY: z
    .string()
    .regex(googleKey, 'must be projects/…/locations/…/keyRings/…/cryptoKeys/…, without a version')
    .optional()
    .describe(
      '`projects/…/cryptoKeys/…` of Google Cloud KMS. Requires `npm install @google-cloud/kms`. Uses application default credentials',
    ),
  VALETKEY_GOOGLE_KMS_ENDPOINT: z
    .string()
    .refine(isOrigin, 'must be an origin such as https://cloudkms.googleapis.com')
    .optional()
    .meta({ default: "Google's API", description: 'Origin of the API, for tests' }),
}

const access = {
  VALETKEY_SESSIONS_MAY_CHANGE_USER: onOrOff
    .default('off')
    .describe('`on` lets [user sessions](access.md#user-sessions) pass `allowUserChange` to `authorize`'),
  VALETKEY_AUDIT_RETENTION_DAYS: wholeNumber(0, 36_500)
    .default(400)
    .describe(
      'Days after which events leave the [audit log](access.md#audit-log), up to 36500. `0`: never. Set the same value on all nodes',
    ),
}

const tools = {
  VALETKEY_SANDBOX: onOrOff.optional().meta({
    default: '`on`, in production `off`',
    description: 'Serves the local Notion under `/sandbox`, in production without its control operations',
  }),
  VALETKEY_RESULT_BYTES: wholeNumber(2_000, 5_000_000)
    .default(100 * 1024)
    .describe(
      "Maximum size of a tool's result in bytes, 2000 to 5000000. Longer results are cut at a row or block and have a cursor for the next part",
    ),
  VALETKEY_VERIFY_EVERY_SECONDS: wholeNumber(5, 604_800)
    .default(3_600)
    .describe(
      "Interval in which Notion is asked whether the tokens of an unused account still work, 5 to 604800. A change applies after an account's next verification",
    ),
}

const endpoint = z
  .string()
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL')
  .optional()

const otlpProtocol = z.enum(['http/protobuf', 'http/json'], 'must be http/protobuf or http/json')

const otlpExporter = z.enum(['otlp', 'none'], 'must be otlp or none')

const telemetry = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.describe(
    'Base URL of an OpenTelemetry collector that receives OTLP over HTTP, such as `http://localhost:4318`. Turns on [traces and metrics](monitoring.md#opentelemetry)',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint.describe('The whole URL for traces, in place of that base'),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: endpoint.describe('The whole URL for metrics, in place of that base'),
  OTEL_EXPORTER_OTLP_PROTOCOL: otlpProtocol
    .default('http/protobuf')
    .describe('`http/protobuf` or `http/json`. gRPC is not supported'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: otlpProtocol
    .optional()
    .meta({ default: '`OTEL_EXPORTER_OTLP_PROTOCOL`', description: 'The same for traces' }),
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: otlpProtocol
    .optional()
    .meta({ default: '`OTEL_EXPORTER_OTLP_PROTOCOL`', description: 'The same for metrics' }),
  OTEL_TRACES_EXPORTER: otlpExporter.default('otlp').describe('`otlp`, or `none` to send no traces'),
  OTEL_METRICS_EXPORTER: otlpExporter.default('otlp').describe('`otlp`, or `none` to send no metrics'),
  OTEL_SDK_DISABLED: z
    .string()
    .default('false')
    .transform((value) => value.toLowerCase() === 'true')
    .meta({ default: '`false`', description: '`true` turns off traces and metrics' }),
  OTEL_PROPAGATORS: list.default(['tracecontext']).meta({
    default: '`tracecontext`',
    description:
      'Without `tracecontext` in this list, such as `none`, traces of callers are not continued. Others are ignored',
  }),
  OTEL_METRIC_EXPORT_INTERVAL: wholeNumber(100, 86_400_000)
    .default(60_000)
    .describe('Milliseconds between two exports of metrics'),
  OTEL_TRACES_SAMPLER: z
    .enum(
      [
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ],
      'must be always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio',
    )
    .default('parentbased_always_on')
    .describe('Which traces are sent. For `traceidratio`, `OTEL_TRACES_SAMPLER_ARG` is the part, from 0 to 1'),
}

/** The variables by the sections of the documentation. */
export const variableSections = [
  { title: 'Server', variables: server },
  { title: 'Data', variables: data },
  { title: 'Key encryption', variables: keyEncryption },
  { title: 'Access', variables: access },
  { title: 'Notion and tools', variables: tools },
  { title: 'OpenTelemetry', variables: telemetry },
] as const

/** All variables but those of connectors. */
export const variables = z.object({ ...server, ...data, ...keyEncryption, ...access, ...tools, ...telemetry })

/** The variable with which a connector's API is replaced, such as NOTION_API_URL. */
export const apiUrlVariable = (slug: string): string => `${slug.toUpperCase()}_API_URL`

/** The syntax of {@link apiUrlVariable}. */
export const apiUrl = baseUrl.optional()
