import type { ConsentView } from '../consent/page.ts'
import { consentPage, errorPage } from '../consent/page.ts'
import { pickerTree, shareableResource, shareableRoots } from '../consent/picker.ts'
import type { Answer, SandboxRequest } from '../exchange.ts'
import { isFormType, parseJsonBody } from '../exchange.ts'
import type { Client, Id, Person } from '../model.ts'
import type { SandboxState } from '../state.ts'
import { parseUuid } from '../uuid.ts'
import { isClientId } from './client-authentication.ts'
import { issueCode } from './codes.ts'

/** An invalid authorization request. The response is an error page, because the redirect URI cannot be trusted. */
class BadAuthorization extends Error {
  override readonly name = 'BadAuthorization'
}

/**
 * The query of an authorization request. `owner` and unknown fields are ignored.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1
 */
interface AuthorizationRequest {
  readonly client: Client
  readonly redirectUri: string
  readonly state: string | undefined
}

function readRequest(state: SandboxState, query: URLSearchParams): AuthorizationRequest {
  const clientId = query.get('client_id') ?? ''
  if (!isClientId(clientId))
    throw new BadAuthorization('client_id must be 1 to 200 printable ASCII characters without spaces and colons.')
  if (!state.knowsClient(clientId)) throw new BadAuthorization('client_id must be the id of a registered client.')
  if (query.get('response_type') !== 'code') throw new BadAuthorization('response_type must be "code".')
  const redirectUri = query.get('redirect_uri') ?? ''
  if (!isRedirectUri(redirectUri)) {
    throw new BadAuthorization('redirect_uri must be an absolute http(s) URL without a fragment.')
  }
  const client = state.client(clientId)
  if (client.redirectUris && !client.redirectUris.includes(redirectUri)) {
    throw new BadAuthorization('redirect_uri must be a registered redirect URI of this client.')
  }
  return { client, redirectUri, state: query.get('state') ?? undefined }
}

/**
 * Returns whether a string is an absolute http(s) URL without a fragment.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2
 */
function isRedirectUri(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && !text.includes('#')
}

function redirectTo(request: AuthorizationRequest, fields: Readonly<Record<string, string>>): Answer {
  const url = new URL(request.redirectUri)
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value)
  if (request.state !== undefined) url.searchParams.set('state', request.state)
  return {
    status: 302,
    headers: { location: url.href, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
    body: '',
  }
}

/** Returns the people who can sign in. The first one is the default user. */
function consentingPeople(state: SandboxState): Person[] {
  return [...state.store.users.values()].filter((user) => user.type === 'person' && user.canConsent) as Person[]
}

/** Returns the person with this email address or id who can sign in. */
export function findPerson(state: SandboxState, named: string): Person | undefined {
  return consentingPeople(state).find(({ email, id }) => email === named.toLowerCase() || id === named)
}

function personOf(state: SandboxState, named: string | null | undefined): Person {
  const person = named ? findPerson(state, named) : consentingPeople(state)[0]
  if (!person) throw new BadAuthorization(`User ${named ?? ''} is unknown or cannot sign in.`)
  return person
}

/** The user's decision, from a form or JSON. */
interface Decision {
  readonly user: string | undefined
  /** Undefined if the request has no such field. */
  readonly resources: readonly string[] | undefined
  readonly decision: string | undefined
  /** Whether the consent page sent the decision. */
  readonly fromPicker: boolean
}

const splitIds = (text: string) =>
  text
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '')

function readDecision(request: SandboxRequest): Decision {
  if (isFormType(request.headers['content-type'])) {
    const form = new URLSearchParams(request.body.toString('utf8'))
    return {
      user: form.get('user') ?? undefined,
      resources: form.has('resources') ? form.getAll('resources').flatMap(splitIds) : undefined,
      decision: form.get('decision') ?? undefined,
      fromPicker: form.has('picker'),
    }
  }
  const parsed = parseJsonBody(request.body)
  if (!parsed.ok) throw new BadAuthorization('The body must be a form or JSON.')
  const fields = (parsed.value ?? {}) as Record<string, unknown>
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const { resources } = fields
  return {
    user: text(fields.user),
    resources: Array.isArray(resources)
      ? resources.map(String)
      : typeof resources === 'string'
        ? splitIds(resources)
        : undefined,
    decision: text(fields.decision),
    fromPicker: false,
  }
}

/** Returns the selected roots. Without `resources`, or with `all`, these are all roots that the user can share. */
function rootsOf(state: SandboxState, person: Person, resources: readonly string[] | undefined): Id[] {
  if (resources === undefined || resources.includes('all')) return shareableRoots(state.store, person.id)
  const roots = resources.map((named) => {
    const id = parseUuid(named.trim())
    const root = id && shareableResource(state.store, person.id, id)
    if (!root) {
      throw new BadAuthorization(
        `resources must be pages or databases to which ${person.email} has full access. Remove ${named}.`,
      )
    }
    return root
  })
  return [...new Set(roots)]
}

function consentView(
  state: SandboxState,
  request: AuthorizationRequest,
  query: URLSearchParams,
  chosen: Person,
): ConsentView {
  const workspaceName = (person: Person) => state.store.workspaces.get(person.workspaceId)?.name ?? ''
  const withUser = (person: Person) => {
    const changed = new URLSearchParams(query)
    changed.set('user', person.email)
    return `?${changed.toString()}`
  }
  return {
    clientName: request.client.name,
    clientId: request.client.id,
    redirectUri: request.redirectUri,
    people: consentingPeople(state).map((person) => ({
      person,
      workspaceName: workspaceName(person),
      href: withUser(person),
    })),
    chosen,
    workspaceName: workspaceName(chosen),
    tree: pickerTree(state.store, chosen.id),
    action: withUser(chosen),
  }
}

/**
 * Handles `/v1/oauth/authorize`. A GET request returns the consent page, a POST request with the same query makes the
 * decision. The body is a form or JSON with `user` (email address or id, by default the first person), `resources`
 * (comma-separated ids or `all`, by default `all`) and `decision` (`allow` or `deny`).
 *
 * Returns 200 with the page, 302 to the client, 400 with an error page, or 422 with the page when nothing is selected.
 */
export function answerAuthorize(state: SandboxState, request: SandboxRequest): Answer {
  const query = new URLSearchParams(request.search)
  try {
    const authorization = readRequest(state, query)
    if (request.method !== 'POST') {
      const chosen = personOf(state, query.get('user'))
      return consentPage(consentView(state, authorization, query, chosen))
    }
    const decision = readDecision(request)
    if (decision.decision === 'deny') return redirectTo(authorization, { error: 'access_denied' })
    if (decision.decision !== 'allow') throw new BadAuthorization('decision must be "allow" or "deny".')
    const person = personOf(state, decision.user ?? query.get('user'))
    if (decision.fromPicker && decision.resources === undefined) {
      const view = consentView(state, authorization, query, person)
      return consentPage({ ...view, problem: 'Select at least one page or database, or cancel.' }, 422)
    }
    const roots = rootsOf(state, person, decision.resources)
    const { client, redirectUri } = authorization
    const code = issueCode(state, { clientId: client.id, userId: person.id, redirectUri, roots })
    return redirectTo(authorization, { code })
  } catch (error) {
    if (error instanceof BadAuthorization) return errorPage(error.message)
    throw error
  }
}
