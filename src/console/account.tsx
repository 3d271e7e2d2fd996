import { useEffect, useRef, useState } from 'preact/hooks'
import { AuthorizeDialog } from './authorize.tsx'
import { CallTable } from './call-table.tsx'
import { useAction, useList, useLive, useQuery } from './data.ts'
import { payloadOf } from './failure.ts'
import {
  Account,
  type AccountFragment,
  DeleteAccount,
  DisconnectAccount,
  type IndexedAccountFragment,
  RefreshAccount,
  ToolCalls,
  type ToolCallsQuery,
  type ToolCallsQueryVariables,
  Transitions,
  type TransitionsQuery,
  type TransitionsQueryVariables,
  UpdateAccount,
  WatchAccount,
} from './operations.ts'
import { go, href } from './route.ts'
import { useSession } from './session.ts'
import { reasons, statusMeanings } from './status-words.ts'
import {
  Badge,
  Confirm,
  Dialog,
  Empty,
  FailureNotice,
  Field,
  FormButtons,
  Heading,
  ItemList,
  Json,
  Live,
  onSubmit,
  Table,
  Time,
  wordsOf,
} from './ui.tsx'

/** The states of an index, for people. */
const indexWords = { BUILDING: 'Being built', READY: 'Ready', LIMITED: 'At its limit' } as const

interface Named {
  readonly connectionName: string
  readonly identifier: string
}

/** One account: what it is, why, what to do, and what happened. */
export function AccountPage({ connectionName, identifier }: Named) {
  const names = { connectionName, identifier }
  const found = useQuery(Account, names)
  const transitions = useList<TransitionsQuery, TransitionsQueryVariables, Transition>(
    Transitions,
    names,
    ({ connectedAccount }) => connectedAccount?.transitions ?? null,
  )
  const calls = useList<ToolCallsQuery, ToolCallsQueryVariables, Call>(
    ToolCalls,
    { filter: names },
    ({ toolExecutions }) => toolExecutions,
  )
  const [watched, setWatched] = useState<IndexedAccountFragment | null>(null)
  const isFirst = useRef(true)
  const known = useRef('')
  const reload = () => {
    found.reload()
    transitions.reload()
    calls.reload()
  }
  const live = useLive(WatchAccount, names, {
    onData({ connectedAccountStatus }) {
      setWatched(connectedAccountStatus)
      const { contentIndex: _, ...others } = connectedAccountStatus
      const state = JSON.stringify(others)
      // The first event is the current state, which the queries have read, too. The lists have nothing of the index.
      if (!isFirst.current && state !== known.current) reload()
      isFirst.current = false
      known.current = state
    },
  })
  // What was read since then is newer.
  useEffect(() => setWatched(null), [found.data])
  const read = found.data?.connectedAccount ?? null
  const account = watched ?? read

  if (account === null) {
    return (
      <>
        <Heading>{identifier}</Heading>
        {found.failure ? (
          <FailureNotice failure={found.failure} retry={found.reload} />
        ) : found.loading ? (
          <p class="quiet loading">Loading…</p>
        ) : (
          <Empty title="This account does not exist">
            <p>
              It was deleted, or never created. <a href={href(['accounts'])}>Show all accounts.</a>
            </p>
          </Empty>
        )}
      </>
    )
  }
  const index = account.contentIndex
  const unavailable = read?.tools.filter(({ available }) => !available) ?? []
  return (
    <>
      <p class="trail">
        <a href={href(['accounts'])}>Accounts</a>
      </p>
      <Heading aside={<Live state={live} />}>{identifier}</Heading>
      <section class="card status" aria-label="Status" aria-live="polite">
        <p>
          <Badge value={account.status} /> {statusMeanings[account.status]}
        </p>
        <p>{reasons[account.statusReason] ?? wordsOf(account.statusReason)}</p>
        {account.needsReauthorization && (
          <p>The credentials work, but the OAuth app or the selected pages require a new consent.</p>
        )}
        <p>
          <strong>What to do:</strong> {account.nextAction ?? 'Nothing. Tools can be called.'}
        </p>
        <Actions names={names} account={account} changed={reload} />
      </section>

      <div class="columns">
        <section class="card">
          <h2>Evidence</h2>
          <dl>
            <dt>Accepted by the provider</dt>
            <dd>
              <Time at={account.lastVerifiedAt} />
            </dd>
            <dt>Authorized</dt>
            <dd>
              <Time at={account.authorizedAt} />
            </dd>
            <dt>Access token expires</dt>
            <dd>
              <Time at={account.tokenExpiresAt} none="Unknown" />
            </dd>
            <dt>Last tool call</dt>
            <dd>
              <Time at={account.lastUsedAt} />
            </dd>
            {index && (
              <>
                <dt>Index of the content</dt>
                <dd>
                  {indexWords[index.status]}: {index.indexedPages} of {index.pages}{' '}
                  {index.pages === 1 ? 'page' : 'pages'}, complete <Time at={index.lastCompletedAt} />
                </dd>
              </>
            )}
            <dt>Created</dt>
            <dd>
              <Time at={account.createdAt} />
            </dd>
          </dl>
          {unavailable.length > 0 && (
            <details>
              <summary>
                {unavailable.length === 1 ? '1 tool cannot' : `${unavailable.length} tools cannot`} work for this
                account
              </summary>
              <ul class="plain">
                {unavailable.map(({ tool, unavailableReason }) => (
                  <li key={tool.name}>
                    <code>{tool.name}</code> {unavailableReason}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </section>
        <section class="card">
          <h2>At the provider</h2>
          <dl>
            <dt>Connection</dt>
            <dd>{account.connectionName}</dd>
            <dt>Workspace</dt>
            <dd>{account.workspace?.name ?? <span class="quiet">None until authorized</span>}</dd>
            <dt>Owner</dt>
            <dd>
              {account.owner ? (
                <>
                  {account.owner.name} {account.owner.email && <span class="quiet">{account.owner.email}</span>}
                </>
              ) : (
                <span class="quiet">Unknown until authorized</span>
              )}
            </dd>
          </dl>
          <Metadata names={names} metadata={account.metadata} changed={reload} />
        </section>
      </div>

      <section>
        <h2>History</h2>
        <ItemList list={transitions} empty={<Empty title="No changes of status are stored" />}>
          {(items) => (
            <Table
              caption="Changes of status, newest first"
              items={items}
              keyOf={({ at, to, reason }) => `${at} ${to} ${reason}`}
              columns={[
                { name: 'Time', cell: ({ at }) => <Time at={at} /> },
                {
                  name: 'Change',
                  cell: ({ from, to }) => (
                    <>
                      {from && from !== to && <>{wordsOf(from)} → </>}
                      <Badge value={to} />
                    </>
                  ),
                },
                { name: 'Reason', cell: ({ reason }) => reasons[reason] ?? wordsOf(reason) },
                { name: 'Actor', cell: ({ actor }) => <Actor actor={actor} /> },
              ]}
            />
          )}
        </ItemList>
      </section>

      <section>
        <h2>Tool calls</h2>
        <ItemList
          list={calls}
          empty={
            <Empty title="No tool was called for this account">
              <p>
                Calls appear here when your agent runs a tool with this identifier. Calls that only read are listed once
                they have ended.
              </p>
            </Empty>
          }
        >
          {(items) => <CallTable calls={items} withAccount={false} />}
        </ItemList>
        <p>
          <button type="button" onClick={calls.reload}>
            Refresh the calls
          </button>
        </p>
      </section>
    </>
  )
}

type Transition = NonNullable<TransitionsQuery['connectedAccount']>['transitions']['nodes'][number]
type Call = ToolCallsQuery['toolExecutions']['nodes'][number]

const actors: Readonly<Record<string, string>> = {
  cli: 'Command line',
  system: 'Server',
  user: 'The user, in a browser',
}

/** Who acted. */
export function Actor({ actor }: { actor: string | null }) {
  if (actor === null) return <span class="quiet">Unknown</span>
  return actors[actor] === undefined ? <code class="id">{actor}</code> : actors[actor]
}

function Actions({ names, account, changed }: { names: Named; account: AccountFragment; changed: () => void }) {
  const { can, run: request, announce } = useSession()
  const { busy, failure, run } = useAction()
  const [open, setOpen] = useState<'disconnect' | 'delete' | 'authorize' | null>(null)
  const close = () => setOpen(null)
  const { identifier } = names
  return (
    <>
      {failure && <FailureNotice failure={failure} />}
      <div class="buttons">
        {can('ACCOUNTS_AUTHORIZE') && (
          <button
            type="button"
            class={account.status === 'ACTIVE' ? '' : 'primary'}
            onClick={() => setOpen('authorize')}
          >
            Authorization link
          </button>
        )}
        {can('ACCOUNTS_WRITE') && (
          <>
            <button
              type="button"
              disabled={busy}
              aria-busy={busy}
              onClick={() =>
                void run(async () => {
                  const { refreshConnectedAccount } = await request(RefreshAccount, { input: names })
                  const { connectedAccount } = payloadOf(refreshConnectedAccount)
                  announce(`Checked at the provider. Status: ${wordsOf(connectedAccount.status)}.`)
                  changed()
                })
              }
            >
              {busy ? 'Checking…' : 'Check at the provider'}
            </button>
            {account.status !== 'DISCONNECTED' && (
              <button type="button" class="danger" onClick={() => setOpen('disconnect')}>
                Disconnect
              </button>
            )}
            <button type="button" class="danger" onClick={() => setOpen('delete')}>
              Delete
            </button>
          </>
        )}
      </div>
      {!can('ACCOUNTS_WRITE') && (
        <p class="quiet">To change the account, sign in with a key that has the scope ACCOUNTS_WRITE.</p>
      )}
      {open === 'authorize' && <AuthorizeDialog account={names} close={close} />}
      {open === 'disconnect' && (
        <Confirm
          title={`Disconnect ${identifier}?`}
          action="Disconnect"
          close={close}
          act={async () => {
            payloadOf((await request(DisconnectAccount, { input: names })).disconnectConnectedAccount)
            announce(`${identifier} is disconnected.`)
            changed()
          }}
        >
          <p>
            Valetkey revokes its access at the provider and erases the tokens. Tools fail until the user authorizes
            again. The history is still available.
          </p>
        </Confirm>
      )}
      {open === 'delete' && (
        <Confirm
          title={`Delete ${identifier}?`}
          action="Delete"
          close={close}
          act={async () => {
            payloadOf((await request(DeleteAccount, { input: names })).deleteConnectedAccount)
            announce(`${identifier} is deleted.`)
            go(href(['accounts']))
          }}
        >
          <p>
            Valetkey disconnects the account, then deletes it with its history and its tool calls.{' '}
            <strong>This cannot be undone.</strong>
          </p>
        </Confirm>
      )}
    </>
  )
}

function Metadata(options: { names: Named; metadata: Record<string, unknown>; changed: () => void }) {
  const { names, metadata, changed } = options
  const { can, run: request, announce } = useSession()
  const { busy, failure, run } = useAction()
  const [text, setText] = useState<string | null>(null)
  const close = () => setText(null)
  return (
    <>
      <h2>Metadata</h2>
      {Object.keys(metadata).length === 0 ? (
        <p class="quiet">None. Store what you search accounts by, such as a plan or a team.</p>
      ) : (
        <Json value={metadata} />
      )}
      {can('ACCOUNTS_WRITE') && (
        <button type="button" onClick={() => setText(JSON.stringify(metadata, null, 2))}>
          Edit the metadata
        </button>
      )}
      {text !== null && (
        <Dialog title="Metadata" close={close}>
          <form
            onSubmit={onSubmit(async () => {
              const saved = await run(async () => {
                const input = { ...names, metadata: parseMetadata(text) }
                payloadOf((await request(UpdateAccount, { input })).updateConnectedAccount)
              })
              if (!saved) return
              announce('Metadata saved.')
              changed()
              close()
            })}
          >
            <Field
              label="A JSON object"
              hint="It replaces the metadata as a whole. The user's own session can read it. At most 8192 bytes."
            >
              {(attributes) => (
                <textarea
                  {...attributes}
                  rows={8}
                  spellcheck={false}
                  value={text}
                  onInput={({ currentTarget }) => setText(currentTarget.value)}
                />
              )}
            </Field>
            {failure && <FailureNotice failure={failure} />}
            <FormButtons submit="Save" busy={busy} close={close} />
          </form>
        </Dialog>
      )}
    </>
  )
}

function parseMetadata(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('Enter a JSON object, such as {"plan": "pro"}. Names and strings require double quotes.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('Enter a JSON object, such as {"plan": "pro"}.')
  }
  return value as Record<string, unknown>
}
