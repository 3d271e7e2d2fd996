import { z } from 'zod'
import { accessLevelOf } from '../access.ts'
import type { BulkContent, BulkOrder } from '../bulk.ts'
import { bulkContent, maxBulkOrders } from '../bulk.ts'
import type { Fault, FaultList } from '../faults/fault.ts'
import { faultsAfter, faultsBefore, pathPattern } from '../faults/fault.ts'
import type { Grant, Id, Person } from '../model.ts'
import { allCapabilities } from '../model.ts'
import { findPerson, normalizeId } from '../oauth/authorize.ts'
import { disconnect, expireTokens, type GrantSelection, selectGrants } from '../oauth/grants.ts'
import type { SandboxState } from '../state.ts'

/** What the operations change. */
export interface ControlTargets {
  readonly state: SandboxState
  readonly faults: FaultList
  /** Back to how the sandbox was when it started for the first time. */
  reset(): Promise<void>
  /** Writes bulk content. */
  order(order: BulkOrder): BulkContent
  /** The number of the next order for bulk content. */
  nextOrder(): number
}

/** Parameters that fit the schema and still make no sense, such as a user who does not exist. */
export class BadControlParameters extends Error {
  override readonly name = 'BadControlParameters'
}

/** An operation of the control interface. */
export interface ControlOperation {
  readonly description: string
  readonly parameters: z.ZodType
  /** @throws z.ZodError or BadControlParameters */
  run(targets: ControlTargets, parameters: unknown): Promise<object> | object
}

function operation<S extends z.ZodType>(
  description: string,
  parameters: S,
  run: (targets: ControlTargets, parameters: z.output<S>) => Promise<object> | object,
): ControlOperation {
  return { description, parameters, run: (targets, sent) => run(targets, parameters.parse(sent)) }
}

function personNamed(state: SandboxState, named: string): Person {
  const person = findPerson(state, named)
  if (person) return person
  const emails = [...state.store.users.values()].flatMap((user) =>
    user.type === 'person' && user.canConsent ? user.email : [],
  )
  throw new BadControlParameters(`There is no user "${named}". There are: ${emails.join(', ')}.`)
}

const selection = (
  state: SandboxState,
  sent: { user?: string | undefined; clientId?: string | undefined },
): GrantSelection => ({
  ...(sent.user !== undefined && { userId: personNamed(state, sent.user).id }),
  ...(sent.clientId !== undefined && { clientId: sent.clientId }),
})

const user = z.string().describe('E-mail address or id of a person')
const clientId = z.string().min(1)
const count = (most: number) => z.int().min(0).max(most).default(0)
const capabilities = z.array(z.enum(allCapabilities))

/** The database that a data source belongs to, or the content itself. */
function sharedResource(state: SandboxState, person: Person, sent: string): Id {
  const id = normalizeId(sent)
  const found = id === undefined ? undefined : (state.store.dataSources.get(id)?.databaseId ?? id)
  if (found === undefined || state.store.find(found)?.workspaceId !== person.workspaceId) {
    throw new BadControlParameters(`There is no page or database "${sent}" in the workspace of ${person.email}.`)
  }
  return found
}

/** Lets a person see content that they could not, as if a colleague had shared it with them. */
function giveAccess(state: SandboxState, person: Person, id: Id): void {
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

/** A delay that is longer than the timeout of clients, which is a minute at most. */
const defaultDelayMs = 90_000

/** People write a path as they see it in a URL, in the description or in a client's code. */
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
          'Such as /v1/pages, /sandbox/v1/pages or pages. A prefix; with * a glob for the whole path (* within a segment, ** anything)',
        ),
    })
    .default({}),
  kind: z.enum([...faultsBefore, ...faultsAfter]),
  status: z.int().min(400).max(599).optional().describe('For status; 500 by default'),
  retryAfter: z.int().min(0).optional().describe('Seconds; for rate_limit (2 by default) and status'),
  reason: z
    .string()
    .regex(/^[\w.-]+$/)
    .optional()
    .describe('For rate_limit the rate_limit_reason; for status the error code in place of the usual one'),
  delayMs: z.int().min(0).default(defaultDelayMs).describe('For slow_headers and slow_body'),
  location: z.url().optional().describe('For redirect, in place of the sandbox’s own trap'),
  times: z.int().min(0).default(1).describe('How many requests it is for; 0: all until clear'),
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

/** Shares bulk content with every connection in its workspace: it is there to be read by all. */
function shareWithAll({ state }: ControlTargets, rootId: Id): void {
  const workspaceId = state.store.pages.get(rootId)?.workspaceId
  for (const grant of selectGrants(state, {})) {
    if (grant.workspaceId === workspaceId) state.store.grants.put({ ...grant, roots: [...grant.roots, rootId] })
  }
}

/** Every operation by name. */
export const controlOperations: Readonly<Record<string, ControlOperation>> = {
  reset: operation(
    'Forgets everything: content, grants, tokens, clients, modes, faults and the log.',
    z.strictObject({}),
    async (targets) => {
      await targets.reset()
      return {}
    },
  ),
  seed: operation(
    'Adds bulk content to Acme, below one page at the top, and shares it with the connections that exist there.',
    z
      .strictObject({ pages: count(100_000), databases: count(10_000), rows: count(1_000_000) })
      .refine(({ databases, rows }) => rows === 0 || databases > 0, 'rows need at least one database'),
    (targets, sent) => {
      const number = targets.nextOrder()
      if (number > maxBulkOrders) throw new BadControlParameters('The sandbox is full of bulk content; reset it.')
      const order = { ...sent, number, time: targets.state.now().getTime() }
      targets.order(order)
      shareWithAll(targets, bulkContent(order).rootId)
      return { ...sent, ...bulkContent(order) }
    },
  ),
  revoke: operation(
    'Disconnects as a user does in the settings: the grant and all its tokens end. Without a user: for all users.',
    z.strictObject({ user: user.optional(), clientId: clientId.optional() }),
    ({ state }, sent) => ({ grants: disconnect(state, selection(state, sent)) }),
  ),
  expire: operation(
    'Lets the tokens that exist expire now.',
    z
      .strictObject({
        user: user.optional(),
        clientId: clientId.optional(),
        access: z.boolean().default(false),
        refresh: z.boolean().default(false),
      })
      .refine(({ access, refresh }) => access || refresh, 'access or refresh should be true'),
    ({ state }, sent) => ({ tokens: expireTokens(state, selection(state, sent), sent) }),
  ),
  mode: operation(
    'Changes how tokens behave and how fast answers are. What is absent stays. ' +
      'rotation strict: a refresh ends the old pair at once, and reuse of a refresh token ends its family. ' +
      'grace: until the new access token is first used, the old one works and the old refresh token returns the same new pair again. ' +
      'none: the refresh token stays. ' +
      'reauthorization fresh: a new pair, older refresh tokens die; same: the pair that works already. ' +
      'accessTokenTtlSeconds null: no expiry; expiresIn without a lifetime means an hour.',
    z.strictObject({
      rotation: z.enum(['strict', 'grace', 'none']).optional(),
      reauthorization: z.enum(['fresh', 'same']).optional(),
      accessTokenTtlSeconds: z.int().min(1).max(315_360_000).nullable().optional(),
      expiresIn: z.boolean().optional(),
      latencyMs: z.int().min(0).max(600_000).optional(),
    }),
    ({ state }, sent) => {
      const defined = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
      state.changeSettings(defined)
      const { id: _, ...settings } = state.settings()
      return settings
    },
  ),
  rateLimit: operation(
    'Requests per minute that each connection may make.',
    z.strictObject({ perMinute: z.int().min(1) }),
    ({ state }, { perMinute }) => {
      state.changeSettings({ rateLimitPerMinute: perMinute })
      return { perMinute }
    },
  ),
  capabilities: operation(
    'Sets what a client may do. What is taken away is gone at once; what is added needs another authorization.',
    z.strictObject({ clientId, capabilities }),
    ({ state }, sent) => {
      state.store.clients.put({ ...state.client(sent.clientId), capabilities: sent.capabilities })
      return { clientId: sent.clientId, capabilities: sent.capabilities }
    },
  ),
  client: operation(
    'Registers a client. Clients that are not registered may use any secret and any redirect URI.',
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
    'Shares a page or database, with all below it, with the connections of a user; the user gets full access to it if they had none.',
    sharing,
    (targets, sent) => {
      const person = personNamed(targets.state, sent.user)
      const id = sharedResource(targets.state, person, sent.resourceId)
      giveAccess(targets.state, person, id)
      return changeSharing(targets, sent, ({ roots, excluded }) => ({
        roots: [...new Set([...roots, id])],
        excluded: excluded.filter((other) => other !== id),
      }))
    },
  ),
  unshare: operation(
    'Takes a page or database, with all below it, away from the connections of a user.',
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
    'Lets requests go wrong. ' +
      `The operation does not run: ${faultsBefore.join(', ')}. It runs and its answer is spoilt: ${faultsAfter.join(', ')}.`,
    fault,
    ({ faults }, sent) => {
      faults.add(toFault(sent))
      return { waiting: faults.size() }
    },
  ),
  clear: operation('Removes the faults that are still waiting.', z.strictObject({}), ({ faults }) => {
    faults.clear()
    return {}
  }),
}
