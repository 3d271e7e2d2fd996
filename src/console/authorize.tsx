import { useState } from 'preact/hooks'
import { useAction, useQuery } from './data.ts'
import { payloadOf } from './failure.ts'
import { Authorize, OAuthApps } from './operations.ts'
import { useSession } from './session.ts'
import { Copyable, Dialog, FailureNotice, Field, FormButtons, onSubmit, Time } from './ui.tsx'

/** Creates an authorization link, for a new account or a given one. */
export function AuthorizeDialog(options: {
  account?: { readonly connectionName: string; readonly identifier: string }
  close: () => void
}) {
  const { account, close } = options
  const { run: request } = useSession()
  const apps = useQuery(OAuthApps, {})
  const [identifier, setIdentifier] = useState(account?.identifier ?? '')
  const [connectionName, setConnectionName] = useState(account?.connectionName ?? 'notion')
  const [created, setCreated] = useState<{ link: string; expiresAt: string } | null>(null)
  const { busy, failure, run } = useAction()
  if (created !== null) {
    return (
      <Dialog title="Authorization link" close={close}>
        <p>
          Send the user <strong>{identifier}</strong> to this link. It needs no credential, connects once, and expires
          at <Time at={created.expiresAt} />.
        </p>
        <Copyable label="Authorization link" value={created.link} />
        <div class="buttons">
          <button type="button" class="primary" onClick={close}>
            Done
          </button>
        </div>
      </Dialog>
    )
  }
  return (
    <Dialog title="Create an authorization link" close={close}>
      <form
        onSubmit={onSubmit(async () => {
          await run(async () => {
            const { authorize } = await request(Authorize, { input: { identifier, connectionName } }, { once: true })
            setCreated(payloadOf(authorize))
          })
        })}
      >
        {account === undefined && (
          <>
            <Field label="Identifier" hint="Your own ID of the user. The account is created if it does not exist.">
              {(attributes) => (
                <input
                  {...attributes}
                  required
                  maxLength={512}
                  value={identifier}
                  onInput={({ currentTarget }) => setIdentifier(currentTarget.value)}
                />
              )}
            </Field>
            <Field label="Connection">
              {(attributes) => (
                <select
                  {...attributes}
                  value={connectionName}
                  onChange={({ currentTarget }) => setConnectionName(currentTarget.value)}
                >
                  {(apps.data?.oauthApps ?? [{ connectionName }]).map(({ connectionName: name }) => (
                    <option key={name} value={name}>
                      {name}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          </>
        )}
        {account !== undefined && (
          <p>
            The link asks the user <strong>{identifier}</strong> to authorize the account at the provider. Until then
            the account works as before.
          </p>
        )}
        {failure && <FailureNotice failure={failure} />}
        <FormButtons submit="Create link" busy={busy} close={close} />
      </form>
    </Dialog>
  )
}
