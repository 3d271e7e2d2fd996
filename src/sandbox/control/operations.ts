import * as z from 'zod'
import { accessLevelOf } from '../access.ts'
import { bulkContent, maxBulkOrders } from '../bulk.ts'
import type { Fault } from '../faults/fault.ts'
import { faultsAfter, faultsBefore, pathPattern } from '../faults/fault.ts'
import type { Grant, Id, Person } from '../model.ts'
import { allCapabilities } from '../model.ts'
import { findPerson } from '../oauth/authorize.ts'
import { disconnect, expireTokens, type GrantSelection, selectGrants } from '../oauth/grants.ts'
import type { SandboxState } from '../state.ts'
import { parseUuid } from '../uuid.ts'
import { BadControlParameters, type ControlOperation, type ControlTargets, operation } from './operation.ts'
import { webhookOperations } from './webhook-operations.ts'

function personNamed(state: SandboxState, named: string): Person {
  const person = findPerson(state, named)
  if (person) return person
  const emails = [...state.store.users.values()].flatMap((user) =>
    user.type === 'person' && user.canConsent ? user.email : [],
  )
  throw new BadControlParameters(`Unknown user "${named}". Available users: ${emails.join(', ')}.`)
}

const selection = (
  state: SandboxState,
  sent: { user?: string | undefined; clientId?: string | undefined },
): GrantSelection => ({
  ...(sent.user !== undefined && { userId: personNamed(state, sent.user).id }),
  ...(sent.clientId !== undefined && { clientId: sent.clientId }),
})

const user = z.string().describe('Email address or id of a user')
const clientId = z.string().min(1)
const count = (max: number) => z.int().min(0).max(max).default(0)
const capabilities = z.array(z.enum(allCapabilities))

/** Returns the id of a page or database, and of the database for a data source. Throws BadControlParameters for other ids. */
function sharedResource(state: SandboxState, person: Person, sent: string): Id {
  const id = parseUuid(sent.trim())
  const found = id === undefined ? undefined : (state.store.dataSources.get(id)?.databaseId ?? id)
  if (found === undefined || state.store.find(found)?.workspaceId !== person.workspaceId) {
    throw new BadControlParameters(`Unknown page or database "${sent}" in the workspace of ${person.email}.`)
  }
  return found
}

/** Grants a user full access to content, as if a colleague had shared it with them. */
function grantAccess(state: SandboxState, person: Person, id: Id): void {
  if (accessLevelOf(state.store, person.id, id) === 'full') return
  const { pages, databases } = state.store
  const target = pages.get(id) ?? databases.get(id)
  if (!target) throw new BadControlParameters('Only pages and databases can be shared.')
  const access = {
    everyone: target.access?.everyone ?? 'none',
    users: { ...target.access?.users, [person.id]: 'full' },
  } as const
  const page = pages.get(id)
  const database = databases.get(id)
  if (page) pages.put({ ...page, access })
  if (database) databases.put({ ...database, access })
}

function changeSharing(
  { state }: ControlTargets,
  sent: { user: string; clientId?: string | undefined },
  change: (grant: Grant) => Pick<Grant, 'roots' | 'excluded'>,
): { grants: number } {
  const grants = selectGrants(state, selection(state, sent))
  for (const grant of grants) state.store.grants.put({ ...grant, ...change(grant) })
  return { grants: grants.length }
}

const sharing = z.strictObject({ user, resourceId: z.string(), clientId: clientId.optional() })

/** Default delay in milliseconds: longer than clients that time out after a minute. */
const defaultDelayMs = 90_000

/** Returns a path under /v1. Callers write paths as in a URL, in Notion's reference or in client code. */
function underVersion(path: string): string {
  if (path.startsWith('*')) return path
  const bare = path.replace(/^\/?(?:sandbox\/)?(?:v1(?=\/|$)\/?)?/, '')
  return `/v1/${bare}`.replace(/\/$/, '')
}

const fault = z.strictObject({
  match: z
    .strictObject({
      method: z
        .string()
        .toUpperCase()
        .pipe(z.enum(['GET', 'POST', 'PATCH', 'PUT', 'DELETE']))
        .optional(),
      path: z
        .string()
        .min(1)
        .transform(underVersion)
        .optional()
        .describe(
          'Prefix of the path: /v1/pages, /sandbox/v1/pages or pages. With *, a glob for the full path: * matches within a segment, ** matches anything',
        ),
    })
    .default({}),
  kind: z.enum([...faultsBefore, ...faultsAfter]),
  status: z.int().min(400).max(599).optional().describe('HTTP status for status. Default: 500'),
  retryAfter: z
    .int()
    .min(0)
    .optional()
    .describe('Retry-After in seconds, for rate_limit and status. Default for rate_limit: 2'),
  reason: z
    .string()
    .regex(/^[\w.-]+$/)
    .optional()
    .describe('rate_limit_reason for rate_limit; error code for status'),
  delayMs: z.int().min(0).default(defaultDelayMs).describe('Delay in milliseconds, for slow_headers and slow_body'),
  location: z
    .url()
    .optional()
    .describe('Target URL for redirect. Default: a path of the sandbox that logs whether credentials were sent'),
  times: z.int().min(0).default(1).describe('Number of requests. 0: all requests until clear'),
})

function toFault(sent: z.output<typeof fault>): Fault {
  const { method, path } = sent.match
  return {
    kind: sent.kind,
    delayMs: sent.delayMs,
    times: sent.times === 0 ? null : sent.times,
    ...(method !== undefined && { method }),
    ...(path !== undefined && { path: pathPattern(path) }),
    ...(sent.status !== undefined && { status: sent.status }),
    ...(sent.retryAfter !== undefined && { retryAfter: sent.retryAfter }),
    ...(sent.reason !== undefined && { reason: sent.reason }),
    ...(sent.location !== undefined && { location: sent.location }),
  }
}

/** Shares bulk content with every connection in its workspace. */
function shareWithAll({ state }: ControlTargets, rootId: Id): void {
  const workspaceId = state.store.pages.get(rootId)?.workspaceId
  for (const grant of selectGrants(state, {})) {
    if (grant.workspaceId === workspaceId) state.store.grants.put({ ...grant, roots: [...grant.roots, rootId] })
  }
}

/** All operations by name. */
export const controlOperations: Readonly<Record<string, ControlOperation>> = {
  reset: operation(
    'Resets content, grants, tokens, clients, modes, faults, webhook subscriptions and the log.',
    z.strictObject({}),
    async (targets) => {
      await targets.reset()
      return {}
    },
  ),
  seed: operation(
    'Adds bulk content to Acme below one top-level page, and shares it with the existing connections.',
    z
      .strictObject({ pages: count(100_000), databases: count(10_000), rows: count(1_000_000) })
      .refine(({ databases, rows }) => rows === 0 || databases > 0, 'rows require at least one database'),
    (targets, sent) => {
      const number = targets.nextOrder()
      if (number > maxBulkOrders)
        throw new BadControlParameters('The sandbox has the maximum amount of bulk content. Call reset to remove it.')
      const order = { ...sent, number, time: targets.state.now().getTime() }
      targets.order(order)
      shareWithAll(targets, bulkContent(order).rootId)
      return { ...sent, ...bulkContent(order) }
    },
  ),
  revoke: operation(
    'Revokes grants and all their tokens, like a user who disconnects in the settings. Without user: for all users.',
    z.strictObject({ user: user.optional(), clientId: clientId.optional() }),
    ({ state }, sent) => ({ grants: disconnect(state, selection(state, sent)) }),
  ),
  expire: operation(
    'Expires existing tokens now.',
    z
      .strictObject({
        user: user.optional(),
        clientId: clientId.optional(),
        access: z.boolean().default(false),
        refresh: z.boolean().default(false),
      })
      .refine(({ access, refresh }) => access || refresh, 'access or refresh must be true'),
    ({ state }, sent) => ({ tokens: expireTokens(state, selection(state, sent), sent) }),
  ),
  mode: operation(
    'Changes settings of tokens and latency. Absent settings do not change. ' +
      'rotation strict: a refresh ends the old pair, and reuse of a refresh token ends its family. ' +
      'rotation grace: until the new access token is used, the old one works and the old refresh token returns the same new pair. ' +
      'rotation none: the refresh token does not change. ' +
      'reauthorization fresh: a new pair, older refresh tokens end. reauthorization same: the active pair. ' +
      'accessTokenTtlSeconds null: no expiry. expiresIn without a lifetime: one hour. ' +
      'registeredClientsOnly: unregistered client ids are refused with invalid_client. ' +
      'wholeMinutes: times of creation and of edits are rounded down to the minute, as at Notion. By default they are exact.',
    z.strictObject({
      rotation: z.enum(['strict', 'grace', 'none']).optional(),
      reauthorization: z.enum(['fresh', 'same']).optional(),
      accessTokenTtlSeconds: z.int().min(1).max(315_360_000).nullable().optional(),
      expiresIn: z.boolean().optional(),
      latencyMs: z.int().min(0).max(600_000).optional(),
      registeredClientsOnly: z.boolean().optional(),
      wholeMinutes: z.boolean().optional(),
    }),
    ({ state }, sent) => {
      const defined = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
      state.changeSettings(defined)
      const { id: _, ...settings } = state.settings()
      return settings
    },
  ),
  rateLimit: operation(
    'Sets the maximum number of requests per minute for each connection.',
    z.strictObject({ perMinute: z.int().min(1) }),
    ({ state }, { perMinute }) => {
      state.changeSettings({ rateLimitPerMinute: perMinute })
      return { perMinute }
    },
  ),
  capabilities: operation(
    'Sets the capabilities of a client. Removals apply immediately, additions at the next authorization.',
    z.strictObject({ clientId, capabilities }),
    ({ state }, sent) => {
      state.store.clients.put({ ...state.client(sent.clientId), capabilities: sent.capabilities })
      return { clientId: sent.clientId, capabilities: sent.capabilities }
    },
  ),
  client: operation(
    'Registers a client. An unregistered client may use any secret and any redirect URI, unless the mode is registeredClientsOnly.',
    z.strictObject({
      clientId,
      clientSecret: z.string().min(1).optional(),
      name: z.string().min(1).optional(),
      capabilities: capabilities.optional(),
      redirectUris: z.array(z.url()).min(1).optional(),
    }),
    ({ state }, sent) => {
      const known = state.client(sent.clientId)
      state.store.clients.put({
        id: sent.clientId,
        name: sent.name ?? known.name,
        secret: sent.clientSecret ?? known.secret,
        capabilities: sent.capabilities ?? known.capabilities,
        redirectUris: sent.redirectUris ?? known.redirectUris,
      })
      return { clientId: sent.clientId }
    },
  ),
  share: operation(
    'Shares a page or database and everything below it with the connections of a user, and grants the user full access to it.',
    sharing,
    (targets, sent) => {
      const person = personNamed(targets.state, sent.user)
      const id = sharedResource(targets.state, person, sent.resourceId)
      grantAccess(targets.state, person, id)
      return changeSharing(targets, sent, ({ roots, excluded }) => ({
        roots: [...new Set([...roots, id])],
        excluded: excluded.filter((other) => other !== id),
      }))
    },
  ),
  unshare: operation(
    'Removes a page or database and everything below it from the connections of a user.',
    sharing,
    (targets, sent) => {
      const id = sharedResource(targets.state, personNamed(targets.state, sent.user), sent.resourceId)
      return changeSharing(targets, sent, ({ roots, excluded }) => ({
        roots: roots.filter((other) => other !== id),
        excluded: [...new Set([...excluded, id])],
      }))
    },
  ),
  fault: operation(
    'Makes requests fail. ' +
      `The operation does not run: ${faultsBefore.join(', ')}. ` +
      `The operation runs and its response is faulty: ${faultsAfter.join(', ')}.`,
    fault,
    ({ faults }, sent) => {
      faults.add(toFault(sent))
      return { waiting: faults.size() }
    },
  ),
  clear: operation('Removes all pending faults, also those of webhooks.', z.strictObject({}), (targets) => {
    targets.faults.clear()
    targets.webhooks.clearFaults()
    return {}
  }),
  ...webhookOperations,
}
