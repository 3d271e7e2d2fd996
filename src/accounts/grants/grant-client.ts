import { requireBound } from '../../vault/row-binding.ts'
import { type BoundGrant, grantValues } from '../bindings.ts'
import { type OpenedOAuthClient, openOAuthClient } from '../oauth-app-store.ts'

/** What {@link openGrantClient} reads of a grant. */
export type GrantRow = BoundGrant & { readonly binding: string | null }

/** The columns of a {@link GrantRow}. */
export const grantRowColumns = [
  'grants.id',
  'grants.environment_id',
  'grants.oauth_app_id',
  'grants.provider_user_id',
  'grants.workspace_id',
  'grants.consent_account_id',
  'grants.binding',
] as const

type OpeningContext = Parameters<typeof openOAuthClient>[0]

/** A grant as it was read. */
interface OfGrant {
  readonly row: GrantRow
}

/** As {@link openGrantClient}. */
export type OpenGrantClient = (grant: OfGrant) => Promise<OpenedOAuthClient | null>

/**
 * Opens the client of a grant's OAuth app, to which its tokens are sent. Null when the environment has no such app. Throws a
 * VaultError when another program than this server wrote to which app the grant belongs, or what that app is.
 */
export function openGrantClient(context: OpeningContext, grant: OfGrant): Promise<OpenedOAuthClient | null> {
  return openingGrantClients(context)(grant)
}

/** {@link openGrantClient} for grants that were claimed together: each of their OAuth apps is read and opened once. */
export function openingGrantClients(context: OpeningContext): OpenGrantClient {
  const opened = new Map<string, ReturnType<typeof openOAuthClient>>()
  return async ({ row }) => {
    requireBound(context.bindingKey, 'grants', grantValues(row), row.binding)
    const app = `${row.environment_id}/${row.oauth_app_id}`
    const opening = opened.get(app) ?? openOAuthClient(context, row.environment_id, row.oauth_app_id)
    opened.set(app, opening)
    return opening
  }
}
