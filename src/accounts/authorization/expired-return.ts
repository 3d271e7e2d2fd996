import type { AuthorizationContext } from './context.ts'
import { accountStatus, type Flow } from './flow.ts'
import { withOutcome } from './return-url.ts'

/** Where somebody who came too late goes back to the application, which learns of it; null where it gave no return URL. */
export async function expiredReturn(context: AuthorizationContext, flow: Flow): Promise<string | null> {
  if (flow.returnUrl === null) return null
  const status = await accountStatus(context.db, flow)
  if (status === null) return null
  return withOutcome(flow.returnUrl, flow.applicationState, { status, error: 'expired', missing: [] })
}
