import * as z from 'zod'
import { isHost, parseApplicationUrl } from './application-url.ts'
import { InvalidInputError } from './errors.ts'
import { metadataRule } from './metadata-rule.ts'
import { isNetwork } from './networks.ts'

/**
 * The syntax of every value that callers pass, whichever entrance they use: GraphQL, the command line, other functions.
 * A rule is the check, its message and, as its description, the limits in words; the GraphQL schema shows that
 * description. Rules that need the database, the configuration or the provider are checked where the value is used.
 *
 * This file is in src/ itself, next to errors.ts, because all layers use it. Messages never contain the value: it may be
 * a secret.
 */

/** Postgres cannot store NUL, and half a surrogate pair is not returned as it was passed. */
const unstorable = /\0|\p{Surrogate}/u

/** A string that can be stored and returned unchanged. Lengths are UTF-16 code units, as `String.length` counts them. */
function text(min: number, max: number) {
  const limits = min === 0 ? `at most ${max} characters` : `${min} to ${max} characters`
  return z
    .string()
    .refine(({ length }) => length >= min && length <= max, `must have ${limits}`)
    .refine((value) => !unstorable.test(value), 'must be well-formed Unicode without NUL')
    .describe(`${limits.charAt(0).toUpperCase()}${limits.slice(1)}.`)
}

/** After `text` in a pipe: what a person is to recognise must be visible, also next to characters that take no room. */
const visible = z
  .string()
  .refine(
    (value) => /[^\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u.test(value),
    'must contain a visible character',
  )

/** After `text` in a pipe, so that one mistake is one issue: NUL is a control character, too. */
const printable = z
  .string()
  .refine((value) => !/[\p{Cc}\u2028\u2029]/u.test(value), 'must not contain control characters')

/** A string of a fixed set of characters; `form` completes "must have …". */
const pattern = (form: string, expression: RegExp) =>
  z
    .string()
    .regex(expression, `must have ${form}`)
    .describe(`${form.charAt(0).toUpperCase()}${form.slice(1)}.`)

function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return z.int(message).min(min, message).max(max, message).describe(`${min} to ${max}.`)
}

/** A list whose items are checked only when there are not too many of them. */
const list = <Item>(item: z.ZodType<Item, Item>, max: number) =>
  z
    .array(z.custom<Item>())
    .max(max, `must have at most ${max} items`)
    .pipe(z.array(item))
    .describe(`At most ${max} items.`)

/** A list that is not empty: an empty list of what is permitted would permit nothing. */
const someOf = <Item>(item: z.ZodType<Item, Item>, max: number) =>
  list(item, max)
    .refine((items) => items.length > 0, 'must have at least one item')
    .describe(`1 to ${max} items.`)

const connectionName = pattern(
  '1 to 63 letters, digits, "-" or "_", the first a letter or digit',
  /^[a-z0-9][a-z0-9_-]{0,62}$/i,
)

const applicationUrl = z
  .string()
  .refine(
    (value) => parseApplicationUrl(value) !== null,
    'must be an absolute https URL (http on localhost), without user name and password',
  )

function isWebhookUrl(value: string): boolean {
  if (value.length > 2048 || !/^https?:\/\//i.test(value) || !URL.canParse(value)) return false
  const { username, password, hostname } = new URL(value)
  return username + password === '' && !value.includes('#') && isHost(hostname)
}

/** The rule for each value, by the name of its field. */
export const inputRules = {
  /** The application's own name for one of its users. */
  identifier: text(1, 512),
  connectionName,
  /** What the application stores with an account. */
  accountMetadata: metadataRule,
  // Filters of accounts.
  identifierPrefix: text(1, 512),
  workspaceId: text(1, 200),
  workspaceName: text(1, 200),
  ownerEmail: text(1, 320),
  /** Long enough for every tool; names that are short enough and unknown are UnknownToolErrors with suggestions. */
  toolName: text(0, 128),
  toolNames: list(text(0, 128), 100),
  errorType: text(1, 128),
  /** The size of a page of a list. */
  first: wholeNumber(1, 100),
  /** A month. */
  statisticsHours: wholeNumber(1, 744),
  statisticsIntervals: wholeNumber(1, 100),

  // Printable ASCII fits into an Authorization header and a URL without a choice of encodings. A colon would end the
  // client id within Basic credentials (RFC 7617 section 2).
  clientId: pattern('1 to 500 printable ASCII characters, no blanks and no colon', /^(?!.*:)[\x21-\x7e]{1,500}$/),
  /** Only a public client has an empty one (RFC 6749 section 2.1); the registration checks that. */
  clientSecret: pattern('at most 500 printable ASCII characters, no blanks', /^[\x21-\x7e]{0,500}$/),
  /** OAuth scopes: RFC 6749 appendix A.4. */
  oauthScopes: list(
    pattern(
      '1 to 255 printable ASCII characters, no blanks, quotes and backslashes',
      /^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/,
    ),
    100,
  ),
  /** Prefixes of return URLs. */
  returnUrls: list(
    applicationUrl.refine((value) => !/[?#]/.test(value), 'must not have a query or fragment, because it is a prefix'),
    50,
  ).describe(
    'At most 50 absolute https URLs (http on localhost) without query and fragment, each up to 2048 characters.',
  ),
  /** Whether it is https is checked with the configuration: this server's own pages may be on plain http. */
  confirmationUrl: z
    .string()
    .max(2048, 'must have at most 2048 characters')
    .refine((value) => !value.includes('#'), 'must not have a fragment')
    .describe('Https (http on localhost), at most 2048 characters, no fragment.'),

  /** The name of the application, as its users know it. Marks that reverse text could have another name read. */
  displayName: text(1, 80)
    .pipe(printable)
    .pipe(
      visible.refine(
        (value) => !/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(value),
        'must not contain marks that change the direction of text',
      ),
    )
    .describe('1 to 80 characters, no control characters.'),
  /** The browser loads it, never this server. Its host becomes part of a policy, in which other characters have a meaning. */
  logoUrl: applicationUrl
    .pipe(
      z
        .string()
        .refine(
          (value) => /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(new URL(value).hostname),
          'must have a host name of letters, digits, "-" and "."',
        ),
    )
    .describe('Https (http on localhost), at most 2048 characters, no user name or password.'),
  accentColor: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'must be a color such as #14532d')
    .describe('A color such as #14532d.'),

  state: text(0, 2000),
  expectedResourceName: text(1, 200),
  expectedResourceReason: text(0, 500),
  expectedResourceId: text(1, 100),
  expectedResources: list(z.any(), 20),

  /** The characters of RFC 6749 appendix A.12 and A.17 without the blank, and far more of them than any token has. */
  token: pattern('1 to 4096 printable ASCII characters, no blanks', /^[\x21-\x7e]{1,4096}$/),

  idempotencyKey: text(1, 255),
  /** Why a person rejected a call. */
  rejectionReason: text(0, 500),

  environmentName: text(1, 100).pipe(printable).pipe(visible),
  apiKeyName: z
    .string()
    .trim()
    .pipe(text(1, 100))
    .pipe(printable)
    .pipe(visible)
    .describe('1 to 100 characters, no control characters.'),
  // What an API key is narrowed to.
  permittedConnectionNames: someOf(connectionName, 100),
  permittedIdentifiers: someOf(text(1, 512), 1_000),
  permittedIdentifierPrefixes: someOf(text(1, 512), 100),
  permittedToolNames: someOf(text(1, 128), 200),
  permittedNetworks: someOf(
    z.string().refine(isNetwork, 'must be an IP address, or a network such as 10.0.0.0/8 or 2001:db8::/32'),
    100,
  ),
  apiKeyScopes: z.array(z.any()).min(1, 'must name at least one scope').describe('At least one.'),
  /** The ID of an actor or a target of the audit log, or another name of an actor. */
  auditName: text(1, 200),
  auditActions: list(text(1, 100), 100),

  /** Whether it is https, and its address, are checked with the configuration: an operator may allow private networks. */
  webhookUrl: z
    .string()
    .refine(
      isWebhookUrl,
      'must be an absolute http or https URL of a valid host, without user name, password and fragment',
    )
    .describe('Https, at most 2048 characters, no user name, password or fragment.'),
  webhookEvents: list(text(1, 100), 50)
    .refine((events) => events.length > 0, 'must name at least one type. Omit it for all types')
    .describe('At least one.'),
  /** For how long requests are signed with two secrets. */
  overlapSeconds: wholeNumber(0, 604_800),

  /** The lifetime of a user session. */
  expiresInSeconds: wholeNumber(1, 86_400),
  ticketExpiresInSeconds: wholeNumber(1, 60),
} as const

const rules = inputRules

/** The syntax of the name of an account. */
export const accountNameRules = z.object({ connectionName: rules.connectionName, identifier: rules.identifier })

/** The syntax of an account that is created if it does not exist. */
export const newAccountRules = accountNameRules.extend({ metadata: rules.accountMetadata.nullish() })

/** The syntax of a change of an account. */
export const accountUpdateRules = accountNameRules.extend({ metadata: rules.accountMetadata })

/** The syntax of what starts an authorization. */
export const authorizationRules = z.object({
  connectionName: rules.connectionName,
  identifier: rules.identifier,
  state: rules.state.nullable(),
  expectedResources: rules.expectedResources.pipe(
    z.array(
      z.object({
        name: rules.expectedResourceName,
        reason: rules.expectedResourceReason.nullable(),
        resourceId: rules.expectedResourceId.nullable(),
      }),
    ),
  ),
})

/** The syntax of an OAuth app's registration. */
export const oauthAppRules = z.object({
  connectionName: rules.connectionName,
  clientId: rules.clientId,
  clientSecret: rules.clientSecret,
  scopes: rules.oauthScopes.optional(),
  returnUrls: rules.returnUrls,
  confirmationUrl: rules.confirmationUrl.nullable(),
})

/** The syntax of what users see of an application. Null: removed. Absent: unchanged. */
export const brandingRules = z.object({
  displayName: rules.displayName.nullish(),
  logoUrl: rules.logoUrl.nullish(),
  accentColor: rules.accentColor.nullish(),
})

/** The syntax of an import of tokens. */
export const accountImportRules = z.object({
  connectionName: rules.connectionName,
  identifier: rules.identifier,
  accessToken: rules.token,
  refreshToken: rules.token.nullable(),
})

/** The syntax of a new API key. Which scopes exist is known by their type. */
export const apiKeyRules = z.object({ name: rules.apiKeyName, scopes: rules.apiKeyScopes })

/** The syntax of a tool policy. Null: not restricted in this respect. */
export const toolPolicyRules = z.object({
  toolNames: rules.permittedToolNames.nullable(),
  requireApprovalToolNames: rules.permittedToolNames.nullable(),
})

/** The syntax of what an API key is narrowed to. Null: not narrowed in this respect. */
export const narrowingRules = z.object({
  connectionNames: rules.permittedConnectionNames.nullable(),
  identifiers: rules.permittedIdentifiers.nullable(),
  identifierPrefixes: rules.permittedIdentifierPrefixes.nullable(),
  ...toolPolicyRules.shape,
  networks: rules.permittedNetworks.nullable(),
})

/** The syntax of a webhook endpoint. */
export const webhookEndpointRules = z.object({
  url: rules.webhookUrl.optional(),
  events: rules.webhookEvents.nullish(),
})

/** The syntax of a user session's creation. */
export const userSessionRules = z.object({ identifier: rules.identifier, expiresInSeconds: rules.expiresInSeconds })

/** The syntax of a stream ticket's creation. */
export const streamTicketRules = z.object({ expiresInSeconds: rules.ticketExpiresInSeconds })

/**
 * Checks a value against a rule and returns it as the rule normalizes it. Keys that the rule does not name are dropped.
 * Throws InvalidInputError with one issue for each wrong place; `path` precedes their paths.
 */
export function checkInput<Value>(rule: z.ZodType<Value>, value: unknown, path: readonly string[] = []): Value {
  const checked = rule.safeParse(value)
  if (checked.success) return checked.data
  throw new InvalidInputError(
    checked.error.issues.map((issue) => ({ path: [...path, ...issue.path].join('.'), message: issue.message })),
  )
}
