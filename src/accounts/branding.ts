import type { Log } from '../log.ts'
import { isBound, notBound } from '../vault/row-binding.ts'
import type { Secret } from '../vault/secret.ts'
import { appValues, type BoundApp } from './bindings.ts'

/** What users see of an application on the pages. */
export interface Branding {
  readonly displayName: string | null
  readonly logoUrl: string | null
  /** As `#rrggbb`. */
  readonly accentColor: string | null
}

/** An application as the pages show it. */
export interface ShownApp extends Branding {
  /** Leads back to the application, without an outcome. Null when nothing is registered that could. */
  readonly homeUrl: string | null
}

/**
 * Returns what the pages show of an OAuth app. Null, and an error in the log, when another program than this server wrote the
 * row: it must not decide whom users believe to be asked by, and where they continue.
 */
export function shownApp(
  { bindingKey, log }: { readonly bindingKey: Secret; readonly log: Pick<Log, 'error'> },
  app: BoundApp & { readonly binding: string | null },
): ShownApp | null {
  if (!isBound(bindingKey, 'oauth_apps', appValues(app), app.binding)) {
    log.error({ err: notBound('oauth_apps', app.id), oauthApp: app.id }, 'refused the branding of an OAuth app')
    return null
  }
  const { displayName, logoUrl, accentColor, returnUrls, confirmationUrl } = app
  const homeUrl = returnUrls[0] ?? (confirmationUrl && `${new URL(confirmationUrl).origin}/`)
  return { displayName, logoUrl, accentColor, homeUrl }
}
