import type { Secret } from '../../vault/secret.ts'
import type { SealingContext, Vault } from '../../vault/vault.ts'
import { neverOpens } from '../../vault/vault-error.ts'

/** Names a grant as the one who asks knows it; ciphertexts open for exactly this. */
export interface GrantKey {
  readonly environmentId: string
  readonly grantId: string
}

/** What one token of a grant's version is sealed for. */
export function tokenContext(
  { environmentId, grantId }: GrantKey,
  field: 'access_token' | 'refresh_token',
  version: number,
): SealingContext {
  return { environmentId, subject: grantId, field, version }
}

/** Seals both tokens for one version of the grant. They are always sealed together, so that no pair is ever mixed. */
export async function sealPair(
  vault: Vault,
  grant: GrantKey,
  version: number,
  tokens: { readonly accessToken: Secret; readonly refreshToken: Secret | null },
): Promise<{ readonly access_token: string; readonly refresh_token: string | null }> {
  const [access_token, refresh_token] = await Promise.all([
    vault.seal(tokens.accessToken, tokenContext(grant, 'access_token', version)),
    tokens.refreshToken && vault.seal(tokens.refreshToken, tokenContext(grant, 'refresh_token', version)),
  ])
  return { access_token, refresh_token }
}

/** Opens a token, or gives null where it never will: see {@link neverOpens}. */
export async function openIfItOpens(vault: Vault, sealed: string, context: SealingContext): Promise<Secret | null> {
  try {
    return await vault.open(sealed, context)
  } catch (error) {
    if (neverOpens(error)) return null
    throw error
  }
}
