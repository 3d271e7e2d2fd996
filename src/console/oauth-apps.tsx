import { useState } from 'preact/hooks'
import { AppWebhookDialog } from './app-webhook.tsx'
import { useAction, useQuery } from './data.ts'
import { payloadOf } from './failure.ts'
import { type AppFragment, type Capability, OAuthApps, RedirectUris, RegisterApp, VerifyApp } from './operations.ts'
import { go, href } from './route.ts'
import { useSession } from './session.ts'
import {
  Badge,
  Choices,
  Confirm,
  Copyable,
  Empty,
  FailureNotice,
  Field,
  Heading,
  itemsOf,
  Result,
  Time,
} from './ui.tsx'

/** The OAuth apps of the environment. */
export function OAuthAppsPage() {
  const { can } = useSession()
  const apps = useQuery(OAuthApps, {})
  const register = (
    <a class="button primary" href={href(['oauth-apps', 'new'])}>
      Register an OAuth app
    </a>
  )
  return (
    <>
      <Heading aside={can('ADMIN') && register}>OAuth apps</Heading>
      <Result of={apps}>
        {({ oauthApps }) =>
          oauthApps.length === 0 ? (
            <Empty title="No OAuth app is registered">
              <p>
                Your users authorize your own app at the provider. Register it to create accounts: the first step shows
                the redirect URI that the provider asks for.
              </p>
              {can('ADMIN') ? register : <p>This requires a key with the scope ADMIN.</p>}
            </Empty>
          ) : (
            oauthApps.map((app) => <App key={app.id} app={app} changed={apps.reload} />)
          )
        }
      </Result>
    </>
  )
}

function App({ app, changed }: { app: AppFragment; changed: () => void }) {
  const { can, run: request, announce } = useSession()
  const { busy, failure, run } = useAction()
  const { connectionName } = app
  const [webhook, setWebhook] = useState(false)
  const verify = async () => {
    const accepted = await run(async () => {
      payloadOf((await request(VerifyApp, { input: { connectionName } })).verifyOAuthApp)
    })
    if (accepted) announce('The provider accepts the client ID and secret.')
    changed()
  }
  return (
    <section class="card" aria-label={connectionName}>
      <h2>
        {connectionName} {app.sandbox && <Badge value="SANDBOX" />}{' '}
        {app.rejectedAt !== null && <Badge value="REJECTED" tone="bad" />}
      </h2>
      {app.rejectedAt !== null && (
        <div class="notice bad">
          <strong>The provider rejects this app</strong>
          <p>
            Since <Time at={app.rejectedAt} />
            {app.rejectedCode && (
              <>
                , with <code>{app.rejectedCode}</code>
              </>
            )}
            . Compare the client ID, client secret and redirect URI with the provider's settings, then register the app
            again.
          </p>
        </div>
      )}
      <dl>
        <dt>Connector</dt>
        <dd>{app.connector.name}</dd>
        <dt>Client ID</dt>
        <dd>
          <code>{app.clientId}</code>
        </dd>
        <dt>Redirect URI</dt>
        <dd>
          <code>{app.redirectUri}</code>
        </dd>
        {app.webhookUrl !== null && (
          <>
            <dt>Events</dt>
            <dd>
              {app.webhookState === 'ACTIVE' ? (
                'Received'
              ) : (
                <span class="quiet">None: the webhook is not set up at the provider</span>
              )}
            </dd>
          </>
        )}
        <dt>Confirmation URL</dt>
        <dd>
          {app.confirmationUrl === null ? (
            <span class="quiet">None: accounts become active without a confirmation</span>
          ) : (
            <code>{app.confirmationUrl}</code>
          )}
        </dd>
        <dt>Shown to users as</dt>
        <dd>{app.displayName ?? <span class="quiet">Nothing</span>}</dd>
        <dt>Capabilities</dt>
        <dd>{app.capabilities.map((each) => capabilityNames[each]).join(', ') || <span class="quiet">None</span>}</dd>
      </dl>
      {failure && <FailureNotice failure={failure} />}
      {can('ADMIN') && (
        <div class="buttons">
          <button type="button" disabled={busy} aria-busy={busy} onClick={() => void verify()}>
            {busy ? 'Asking the provider…' : 'Verify'}
          </button>
          {app.webhookUrl !== null && (
            <button type="button" onClick={() => setWebhook(true)}>
              Webhook
            </button>
          )}
          <a class="button" href={href(['oauth-apps', 'new'], { connection: connectionName })}>
            Register again
          </a>
        </div>
      )}
      {webhook && (
        <AppWebhookDialog
          connectionName={connectionName}
          close={() => {
            setWebhook(false)
            changed()
          }}
        />
      )}
    </section>
  )
}

/** The capabilities as Notion's settings name them. */
const capabilityNames: Readonly<Record<Capability, string>> = {
  READ_CONTENT: 'Read content',
  INSERT_CONTENT: 'Insert content',
  UPDATE_CONTENT: 'Update content',
  READ_COMMENTS: 'Read comments',
  INSERT_COMMENTS: 'Insert comments',
  READ_USERS: 'Read user information without email addresses',
  READ_USER_EMAILS: 'Read user information including email addresses',
}

const allCapabilities = Object.keys(capabilityNames) as Capability[]
const validName = '[A-Za-z0-9][A-Za-z0-9_\\-]{0,62}'
const steps = ['Redirect URI', 'Credentials', 'Done'] as const

/** Registers an app in the order in which the provider's settings ask: the redirect URI first, then the credentials. */
export function RegisterAppPage({ search }: { search: URLSearchParams }) {
  const given = search.get('connection')
  const apps = useQuery(OAuthApps, {})
  const [step, setStep] = useState<0 | 1 | 2>(0)
  const [connectionName, setConnectionName] = useState(given ?? 'notion')
  const [connector, setConnector] = useState('notion')
  const known = apps.data?.oauthApps.find((each) => each.connectionName === connectionName) ?? null
  return (
    <>
      <p class="trail">
        <a href={href(['oauth-apps'])}>OAuth apps</a>
      </p>
      <Heading>Register an OAuth app</Heading>
      <ol class="steps">
        {steps.map((name, index) => (
          <li key={name} aria-current={index === step ? 'step' : undefined}>
            {index + 1}. {name}
          </li>
        ))}
      </ol>
      {step === 0 && (
        <RedirectUriStep
          {...{ connectionName, setConnectionName, connector, setConnector, known }}
          next={() => setStep(1)}
        />
      )}
      {step === 1 && (
        <CredentialsStep
          key={known?.id}
          {...{ connectionName, connector, known }}
          back={() => setStep(0)}
          next={() => setStep(2)}
        />
      )}
      {step === 2 && (
        <section class="card">
          <h2>The OAuth app {connectionName} is registered</h2>
          <p>Create an authorization link for a user, or for yourself, to see that the redirect URI is correct.</p>
          <div class="buttons">
            <a class="button primary" href={href(['accounts'])}>
              Go to the accounts
            </a>
            <a class="button" href={href(['oauth-apps'])}>
              Show the OAuth apps
            </a>
          </div>
        </section>
      )}
    </>
  )
}

function RedirectUriStep(options: {
  connectionName: string
  setConnectionName: (name: string) => void
  connector: string
  setConnector: (slug: string) => void
  known: AppFragment | null
  next: () => void
}) {
  const { connectionName, setConnectionName, connector, setConnector, known, next } = options
  const isValid = new RegExp(`^${validName}$`).test(connectionName)
  const uris = useQuery(RedirectUris, { connectionName: isValid ? connectionName : 'notion' })
  const connectors = uris.data?.connectors ?? []
  const redirectUri = known?.redirectUri ?? connectors.find(({ slug }) => slug === connector)?.redirectUri
  return (
    <section class="card">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          next()
        }}
      >
        <Field
          label="Connection name"
          hint="Your application uses it to name the app. To use two apps, such as one for tests, take two names."
        >
          {(attributes) => (
            <input
              {...attributes}
              required
              pattern={validName}
              title={'1 to 63 letters, digits, "-" or "_", the first a letter or digit'}
              value={connectionName}
              onInput={({ currentTarget }) => setConnectionName(currentTarget.value)}
            />
          )}
        </Field>
        {connectors.length > 1 && (
          <Field label="Connector">
            {(attributes) => (
              <select
                {...attributes}
                value={connector}
                onChange={({ currentTarget }) => setConnector(currentTarget.value)}
              >
                {connectors.map(({ slug, name }) => (
                  <option key={slug} value={slug}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {known && (
          <div class="notice warn">
            <strong>An OAuth app has this connection name</strong>
            <p>
              Registering replaces it. With another client ID, all its accounts end: tokens belong to the client that
              they were issued to.
            </p>
          </div>
        )}
        {uris.failure && <FailureNotice failure={uris.failure} retry={uris.reload} />}
        {!isValid && <p class="quiet">Enter a connection name to see the redirect URI.</p>}
        {isValid && redirectUri !== undefined && (
          <>
            <h2>Redirect URI</h2>
            <Copyable key={redirectUri} label="Redirect URI" value={redirectUri} />
            {!redirectUri.startsWith('https:') && (
              <p class="quiet">
                Notion requires https, except on localhost. Set <code>PUBLIC_URL</code> to the address of the server.
              </p>
            )}
            <h2>At Notion</h2>
            <ol>
              <li>
                Open{' '}
                <a href="https://app.notion.com/developers/connections" target="_blank" rel="noreferrer">
                  Notion's developer portal
                </a>{' '}
                and create a public connection.
              </li>
              <li>In Redirect URIs, enter the URI above exactly, without a slash at its end.</li>
              <li>Select the capabilities that your tools need.</li>
              <li>Copy the OAuth client ID and the OAuth client secret for the next step.</li>
            </ol>
          </>
        )}
        <div class="buttons">
          <button type="submit" class="primary">
            Next: credentials
          </button>
        </div>
      </form>
    </section>
  )
}

function CredentialsStep(options: {
  connectionName: string
  connector: string
  known: AppFragment | null
  back: () => void
  next: () => void
}) {
  const { connectionName, connector, known, back, next } = options
  const { run: request, announce } = useSession()
  const { busy, failure, run } = useAction()
  const [clientId, setClientId] = useState(known?.clientId ?? '')
  const [clientSecret, setClientSecret] = useState('')
  const [capabilities, setCapabilities] = useState<Capability[]>([...(known?.capabilities ?? allCapabilities)])
  const [confirmationUrl, setConfirmationUrl] = useState(known?.confirmationUrl ?? '')
  const [returnUrls, setReturnUrls] = useState((known?.returnUrls ?? []).join('\n'))
  const [displayName, setDisplayName] = useState(known?.displayName ?? '')
  const [contentSearch, setContentSearch] = useState(known?.contentSearch ?? false)
  const [verifyCredentials, setVerify] = useState(true)
  const [confirming, setConfirming] = useState(false)
  const register = async () => {
    const { registerOAuthApp } = await request(RegisterApp, {
      input: {
        connectionName,
        connector: known?.connector.slug ?? connector,
        clientId: clientId.trim(),
        clientSecret: clientSecret.trim(),
        capabilities,
        returnUrls: itemsOf(returnUrls),
        rawRequests: known?.rawRequests ?? false,
        contentSearch,
        verifyCredentials,
        displayName: displayName.trim() || null,
        ...(confirmationUrl.trim() !== '' && { confirmationUrl: confirmationUrl.trim() }),
      },
    })
    payloadOf(registerOAuthApp)
    announce(`The OAuth app ${connectionName} is registered.`)
    next()
  }
  const endsAccounts = known !== null && known.clientId !== clientId.trim()
  return (
    <section class="card">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (endsAccounts) setConfirming(true)
          else void run(register)
        }}
      >
        <Field label="OAuth client ID">
          {(attributes) => (
            <input
              {...attributes}
              required
              autoComplete="off"
              value={clientId}
              onInput={({ currentTarget }) => setClientId(currentTarget.value)}
            />
          )}
        </Field>
        <Field label="OAuth client secret" hint="It is encrypted in the vault and never shown again.">
          {(attributes) => (
            <input
              {...attributes}
              type="password"
              required
              autoComplete="off"
              value={clientSecret}
              onInput={({ currentTarget }) => setClientSecret(currentTarget.value)}
            />
          )}
        </Field>
        <Choices
          legend="Capabilities"
          hint="Select those that are selected in Notion's settings. Accounts need a new consent after one is added."
          all={allCapabilities.map((value) => ({ value, text: capabilityNames[value] }))}
          chosen={capabilities}
          choose={setCapabilities}
        />
        <Field
          label="Confirmation URL"
          hint="The page of your application that confirms which user came back. Leave it empty only if one person uses the application: accounts then become active without a confirmation."
        >
          {(attributes) => (
            <input
              {...attributes}
              type="url"
              placeholder="https://app.example.com/notion/confirm"
              value={confirmationUrl}
              onInput={({ currentTarget }) => setConfirmationUrl(currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Name of your application" hint="Optional. Users see it on the pages of the authorization.">
          {(attributes) => (
            <input
              {...attributes}
              maxLength={80}
              value={displayName}
              onInput={({ currentTarget }) => setDisplayName(currentTarget.value)}
            />
          )}
        </Field>
        <Field
          label="Return URLs"
          hint="Optional, one a line. Prefixes that the returnUrl of authorize may start with."
        >
          {(attributes) => (
            <textarea
              {...attributes}
              rows={2}
              value={returnUrls}
              onInput={({ currentTarget }) => setReturnUrls(currentTarget.value)}
            />
          )}
        </Field>
        <label class="choice">
          <input
            type="checkbox"
            checked={contentSearch}
            onChange={({ currentTarget }) => setContentSearch(currentTarget.checked)}
          />
          <span>
            Store an encrypted index of the content that users share, for searches. The connect page informs them.
          </span>
        </label>
        <label class="choice">
          <input
            type="checkbox"
            checked={verifyCredentials}
            onChange={({ currentTarget }) => setVerify(currentTarget.checked)}
          />
          <span>Ask the provider first whether it accepts the client ID and secret</span>
        </label>
        {failure && <FailureNotice failure={failure} />}
        <div class="buttons">
          <button type="submit" class="primary" disabled={busy} aria-busy={busy}>
            {busy ? 'Registering…' : 'Register'}
          </button>
          <button type="button" onClick={back}>
            Back
          </button>
          <button type="button" onClick={() => go(href(['oauth-apps']))}>
            Cancel
          </button>
        </div>
      </form>
      {confirming && (
        <Confirm title="Replace the client ID?" action="Replace it" close={() => setConfirming(false)} act={register}>
          <p>
            All accounts of the connection {connectionName} end: tokens belong to the client that they were issued to.
            Their users must authorize again.
          </p>
        </Confirm>
      )}
    </section>
  )
}
