import { serverAttributes } from '../telemetry/traced-fetch.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { type ApiAddress, OAuthFailure, type OAuthProvider } from './provider.ts'

/** What asks the provider. */
const operations = [
  'exchangeCode',
  'refresh',
  'introspect',
  'revoke',
  'identify',
  'visibleResources',
  'visibleTitles',
  'deniedCapabilities',
] as const

/** Measures what asks the provider, each with its requests as one span. */
export function tracedProvider(tracing: Tracing, provider: OAuthProvider): OAuthProvider {
  const traced = operations.flatMap((operation) => {
    const ask = provider[operation] as ((client: ApiAddress, ...rest: unknown[]) => Promise<unknown>) | undefined
    if (!ask) return []
    const measured: typeof ask = (client, ...rest) => {
      const attributes = { 'valetkey.oauth.operation': operation, ...serverAttributes(client.apiUrl) }
      return tracing.span({ name: `oauth ${operation}`, kind: 'client', attributes }, async (span) => {
        try {
          return await ask.call(provider, client, ...rest)
        } catch (error) {
          if (error instanceof OAuthFailure) span.set({ 'valetkey.oauth.failure': error.kind })
          throw error
        }
      })
    }
    return [[operation, measured] as const]
  })
  return { ...provider, ...Object.fromEntries(traced) }
}
