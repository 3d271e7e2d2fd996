import { isUuid } from '../../uuid.ts'
import type { AccountsContext } from '../context.ts'
import { browserTokenOf, type Opening, receiptOf } from './opening.ts'

/** Returns a cookie of the request by its exact name, or null when it is absent or present twice. */
export type ReadCookie = (name: string) => string | null

/** A cookie to set. `maxAgeSeconds` 0 removes it. */
export interface FlowCookie {
  readonly name: string
  readonly value: string
  readonly maxAgeSeconds: number
}

/**
 * What the names of all our cookies begin with. `__Host-` (RFC 6265bis section 4.1.3.2) prevents other hosts of the domain
 * from setting them. On plain http, which only localhost uses, browsers do not accept such a name.
 */
const namePrefix = (publicUrl: string) => `${publicUrl.startsWith('https:') ? '__Host-' : ''}valetkey-flow-`

/**
 * Returns the name of the cookie of an opening, by the opening's id, so that openings in several tabs do not replace each
 * other's; or the name of a flow's receipt, by the flow's id, which release 0.1 gave the cookie of its one opening.
 */
export function flowCookieName(publicUrl: string, id: string): string {
  return `${namePrefix(publicUrl)}${id}`
}

/** The cookie that binds an opening to its browser. */
export function openingCookie(context: AccountsContext, opening: Opening): FlowCookie {
  return {
    name: flowCookieName(context.publicUrl, opening.id),
    value: browserTokenOf(context.openingKey, opening),
    maxAgeSeconds: context.authorizationLifetimeSeconds,
  }
}

/**
 * The cookies to set in the browser that ended a flow: the opening's is removed, and the receipt remembers the ending and the
 * OAuth app, also when the flow is deleted.
 */
export function closingCookies(
  context: AccountsContext,
  { id: flowId, oauthAppId }: { readonly id: string; readonly oauthAppId: string },
  openingCookieName: string,
  ending: string,
): readonly FlowCookie[] {
  return [
    { name: openingCookieName, value: '', maxAgeSeconds: 0 },
    {
      name: flowCookieName(context.publicUrl, flowId),
      value: receiptOf(context.openingKey, flowId, `${ending}:${oauthAppId}`),
      maxAgeSeconds: context.authorizationLifetimeSeconds,
    },
  ]
}

/** Enough for tabs and reloads, and 3 kB of the 16 kB that a request's header may have. */
const maxCookies = 15

/**
 * The removal of a browser's oldest cookies of ours beyond {@link maxCookies}: with too many, this server would refuse its
 * requests. Browsers send older cookies first (RFC 6265 section 5.4).
 */
export function surplusCookies(context: AccountsContext, names: readonly string[]): readonly FlowCookie[] {
  const prefix = namePrefix(context.publicUrl)
  const ours = names.filter((name) => name.startsWith(prefix) && isUuid(name.slice(prefix.length)))
  return ours.slice(0, -maxCookies).map((name) => ({ name, value: '', maxAgeSeconds: 0 }))
}
