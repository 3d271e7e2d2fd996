import type { AccountStatus } from '../status.ts'
import type { AuthorizationContext } from './context.ts'
import type { Flow } from './flow.ts'
import { withOutcome } from './return-url.ts'

/** Where somebody who came too late goes back to the application, which learns of it; null where it gave no return URL. */
export async function expiredReturn(context: AuthorizationContext, flow: Flow): Promise<string | null> {
  if (flow.returnUrl === null) return null
  const account = await context.db
    .selectFrom('connected_accounts')
    .select('status')
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.accountId)
    .executeTakeFirst()
  if (!account) return null
  const status = account.status as AccountStatus
  return withOutcome(flow.returnUrl, flow.applicationState, { status, error: 'expired', missing: [] })
}
