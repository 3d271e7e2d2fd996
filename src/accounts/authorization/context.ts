import type { AccountsContext } from '../context.ts'

/** What authorizations work with. */
export interface AuthorizationContext extends AccountsContext {
  /** How long a link, and after the exchange a confirmation, may be used; 600 where it is not given. */
  readonly authorizationLifetimeSeconds?: number
}

/** Ten minutes: what RFC 6749 section 4.1.2 recommends as the longest life of a code. */
export function lifetimeSeconds(context: AuthorizationContext): number {
  return context.authorizationLifetimeSeconds ?? 600
}
