import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { RequestError } from '../client/errors.ts'
import { AccountPage } from './account.tsx'
import { AccountsPage } from './accounts.tsx'
import { ApiKeysPage } from './api-keys.tsx'
import { ApprovalsPage } from './approvals.tsx'
import { AuditLogPage } from './audit-log.tsx'
import { useAction } from './data.ts'
import { OAuthAppsPage, RegisterAppPage } from './oauth-apps.tsx'
import type { Scope, ViewerQuery } from './operations.ts'
import { href, type Route, useRoute } from './route.ts'
import { createSession, forgetKey, type Session, SessionContext, signIn, storedKey, storeKey } from './session.ts'
import { ToolCallsPage } from './tool-calls.tsx'
import { Empty, FailureNotice, Field, Heading } from './ui.tsx'
import { WebhooksPage } from './webhooks.tsx'

interface Place {
  readonly path: string
  readonly name: string
  /** What the API requires for the place. */
  readonly scope: Scope
  readonly page: (route: Route) => ComponentChildren
}

const places: readonly Place[] = [
  {
    path: 'accounts',
    name: 'Accounts',
    scope: 'ACCOUNTS_READ',
    page: ({ path: [, connectionName, identifier], search }) =>
      connectionName !== undefined && identifier !== undefined ? (
        <AccountPage key={`${connectionName} ${identifier}`} connectionName={connectionName} identifier={identifier} />
      ) : (
        <AccountsPage search={search} />
      ),
  },
  { path: 'approvals', name: 'Approvals', scope: 'TOOLS_APPROVE', page: () => <ApprovalsPage /> },
  {
    path: 'tool-calls',
    name: 'Tool calls',
    scope: 'ACCOUNTS_READ',
    page: ({ search }) => <ToolCallsPage search={search} />,
  },
  {
    path: 'oauth-apps',
    name: 'OAuth apps',
    scope: 'ACCOUNTS_READ',
    page: ({ path: [, which], search }) => (which === 'new' ? <RegisterAppPage search={search} /> : <OAuthAppsPage />),
  },
  { path: 'api-keys', name: 'API keys', scope: 'ADMIN', page: () => <ApiKeysPage /> },
  { path: 'webhooks', name: 'Webhooks', scope: 'ADMIN', page: ({ search }) => <WebhooksPage search={search} /> },
  { path: 'audit-log', name: 'Audit log', scope: 'ADMIN', page: ({ search }) => <AuditLogPage search={search} /> },
]

/** The console: asks for an API key, then shows what it may see. */
export function App() {
  const [found, setFound] = useState<{ apiKey: string; viewer: ViewerQuery['viewer'] } | null>(null)
  const [reason, setReason] = useState<string | null>(null)
  const [message, setMessage] = useState('')
  const session = useMemo(
    () =>
      found &&
      createSession(found.apiKey, found.viewer, {
        signOut(why) {
          forgetKey()
          setFound(null)
          setReason(why ?? null)
        },
        announce: setMessage,
      }),
    [found],
  )
  useEffect(() => {
    if (message === '') return
    const timer = setTimeout(() => setMessage(''), 8_000)
    return () => clearTimeout(timer)
  }, [message])
  return (
    <>
      {session === null ? (
        <SignIn
          reason={reason}
          enter={(apiKey, viewer) => {
            setReason(null)
            setFound({ apiKey, viewer })
          }}
        />
      ) : (
        <SessionContext.Provider value={session}>
          <Frame session={session} />
        </SessionContext.Provider>
      )}
      <div class="announcement" role="status" aria-live="polite">
        {message}
      </div>
    </>
  )
}

/** Asks for an API key; after a reload, tries the one of this tab first. */
function SignIn(options: { reason: string | null; enter: (apiKey: string, viewer: ViewerQuery['viewer']) => void }) {
  const { reason, enter } = options
  const [apiKey, setApiKey] = useState('')
  const [stored, setStored] = useState(storedKey)
  const { busy, failure, run } = useAction()
  const tryKey = (key: string) =>
    run(async () => {
      try {
        const viewer = await signIn(key)
        storeKey(key)
        enter(key, viewer)
      } catch (error) {
        if (!(error instanceof RequestError && error.code === 'UNAUTHENTICATED')) throw error
        forgetKey()
        setStored(null)
        throw new Error(`${error.message} Check that the whole key was pasted and that it was not revoked.`)
      }
    })
  useEffect(() => {
    document.title = 'Sign in · Valetkey'
    if (stored !== null) void tryKey(stored)
  }, [])
  if (stored !== null) {
    return (
      <main class="sign-in" aria-busy={busy}>
        <h1>Valetkey console</h1>
        {failure === null ? (
          <p class="quiet">Signing in…</p>
        ) : (
          <>
            <FailureNotice failure={failure} retry={() => void tryKey(stored)} />
            <button
              type="button"
              onClick={() => {
                forgetKey()
                setStored(null)
              }}
            >
              Use another key
            </button>
          </>
        )}
      </main>
    )
  }
  return (
    <main class="sign-in">
      <h1>Valetkey console</h1>
      {reason !== null && (
        <div class="notice warn" role="alert">
          <strong>You were signed out</strong>
          <p>{reason}</p>
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void tryKey(apiKey.trim())
        }}
      >
        <Field
          label="API key"
          hint="The server prints an ADMIN key at its first start. A key with fewer scopes shows less. This tab holds the key until you sign out or close the tab."
        >
          {(attributes) => (
            <input
              {...attributes}
              type="password"
              autoComplete="off"
              spellcheck={false}
              required
              value={apiKey}
              onInput={({ currentTarget }) => setApiKey(currentTarget.value)}
            />
          )}
        </Field>
        {failure && <FailureNotice failure={failure} />}
        <button type="submit" class="primary" disabled={busy} aria-busy={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  )
}

function Frame({ session }: { session: Session }) {
  const route = useRoute()
  const [at = 'accounts'] = route.path
  const place = places.find(({ path }) => path === at)
  return (
    <>
      <button type="button" class="skip" onClick={() => document.querySelector<HTMLElement>('h1')?.focus()}>
        Skip to the content
      </button>
      <header>
        <a class="brand" href={href(['accounts'])}>
          Valetkey
        </a>
        <span class="environment" title="Environment of the API key">
          {session.viewer.environment.name}
        </span>
        <button type="button" onClick={() => session.signOut()}>
          Sign out
        </button>
      </header>
      <nav aria-label="Console">
        <ul>
          {places.map(({ path, name, scope }) => (
            <li key={path}>
              <a href={href([path])} aria-current={path === at ? 'page' : undefined}>
                {name}
                {!session.can(scope) && <span class="lock"> (not permitted)</span>}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="main">
        {place === undefined ? (
          <>
            <Heading>Page not found</Heading>
            <p>
              The console has no page at this address. <a href={href(['accounts'])}>Go to the accounts.</a>
            </p>
          </>
        ) : session.can(place.scope) ? (
          place.page(route)
        ) : (
          <>
            <Heading key={place.path}>{place.name}</Heading>
            <Empty title="Not permitted">
              <p>
                This page requires an API key with the scope <code>{place.scope}</code>. Sign out, then sign in with
                another key.
              </p>
            </Empty>
          </>
        )}
      </main>
    </>
  )
}
