import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { AuthorizeDialog } from './authorize.tsx'
import { useList, useLive, useQuery } from './data.ts'
import {
  AccountChanges,
  type AccountRowFragment,
  Accounts,
  type AccountsQuery,
  type AccountsQueryVariables,
  type ConnectedAccountFilter,
  type ConnectedAccountStatus,
  OAuthApps,
} from './operations.ts'
import { go, href } from './route.ts'
import { useSession } from './session.ts'
import { Badge, Empty, Filter, Heading, ItemList, inWords, Live, Table, Time } from './ui.tsx'

const statuses: readonly ConnectedAccountStatus[] = [
  'ACTIVE',
  'PENDING',
  'PENDING_CONFIRMATION',
  'EXPIRED',
  'REVOKED',
  'DISCONNECTED',
]

/** What the search field searches in. */
const searches = {
  identifier: {
    name: 'Identifier',
    hint: 'Start of the identifier',
    filter: (text: string) => ({ identifierPrefix: text }),
  },
  email: {
    name: 'Owner e-mail',
    hint: 'Start of the e-mail address',
    filter: (text: string) => ({ ownerEmail: text }),
  },
  workspace: { name: 'Workspace', hint: 'Start of the name', filter: (text: string) => ({ workspaceName: text }) },
  metadata: { name: 'Metadata', hint: 'key=value', filter: (text: string) => ({ metadata: metadataOf(text) }) },
} as const

type SearchIn = keyof typeof searches

const isSearch = (value: string | null): value is SearchIn => value !== null && Object.hasOwn(searches, value)

/** key=value as metadata. A value that is JSON is that value, so that numbers can be found; other values are strings. */
function metadataOf(text: string): Record<string, unknown> {
  const [key = '', ...rest] = text.split('=')
  const value = rest.join('=').trim()
  try {
    return { [key.trim()]: JSON.parse(value) as unknown }
  } catch {
    return { [key.trim()]: value }
  }
}

/** All accounts, with search, filters and live changes. */
export function AccountsPage({ search }: { search: URLSearchParams }) {
  const { can } = useSession()
  const [authorizing, setAuthorizing] = useState(false)
  const text = search.get('q') ?? ''
  const given = search.get('in')
  const within: SearchIn = isSearch(given) ? given : 'identifier'
  const status = statuses.find((each) => each === search.get('status'))
  const connectionName = search.get('connection') || undefined
  const isFiltered = text !== '' || status !== undefined || connectionName !== undefined

  // Not by status: an account whose status changes would leave the subscription without a word.
  const unfiltered = useMemo<ConnectedAccountFilter>(
    () => ({ ...(connectionName && { connectionName }), ...(text !== '' && searches[within].filter(text)) }),
    [connectionName, text, within],
  )
  const list = useList<AccountsQuery, AccountsQueryVariables, AccountRowFragment>(
    Accounts,
    { filter: { ...unfiltered, ...(status && { status: [status] }) } },
    ({ connectedAccounts }) => connectedAccounts,
  )
  const [changed, setChanged] = useState<ReadonlyMap<string, AccountRowFragment>>(new Map())
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const live = useLive(
    AccountChanges,
    { filter: unfiltered },
    {
      onOpen: list.reload,
      onData({ connectedAccountStatusChanges: { connectedAccount } }) {
        setChanged((known) => new Map(known).set(connectedAccount.id, connectedAccount))
        // The row changes now; the list, which may have one more row or one less, once for many changes.
        clearTimeout(timer.current)
        timer.current = setTimeout(list.reload, 300)
      },
    },
  )
  // What was read since then is newer.
  useEffect(() => setChanged(new Map()), [list.data])

  return (
    <>
      <Heading aside={<Live state={live} />}>Accounts</Heading>
      <Filters within={within} text={text} status={status} connectionName={connectionName} />
      <ItemList
        list={list}
        empty={
          isFiltered ? (
            <Empty title="No account matches">
              <p>
                Change the search, or <a href={href(['accounts'])}>show all accounts</a>. Searches compare the start of
                a value; metadata must be equal.
              </p>
            </Empty>
          ) : (
            <Empty title="No accounts yet">
              <p>
                An account appears when your application calls <code>authorize</code> for one of its users. To try it,
                create an authorization link and open it yourself.
              </p>
            </Empty>
          )
        }
      >
        {(items) => (
          <Table
            caption="Accounts"
            keyOf={({ id }) => id}
            items={items
              .map((item) => changed.get(item.id) ?? item)
              .filter((item) => status === undefined || item.status === status)}
            columns={[
              {
                name: 'Identifier',
                cell: ({ connectionName: connection, identifier }) => (
                  <a href={href(['accounts', connection, identifier])}>{identifier}</a>
                ),
              },
              {
                name: 'Status',
                cell: ({ status: value, needsReauthorization }) => (
                  <>
                    <Badge value={value} /> {needsReauthorization && <Badge value="NEEDS_CONSENT" tone="warn" />}
                  </>
                ),
              },
              { name: 'Workspace', cell: ({ workspace }) => workspace?.name ?? <span class="quiet">None</span> },
              {
                name: 'Owner',
                cell: ({ owner }) => owner?.email ?? owner?.name ?? <span class="quiet">Unknown</span>,
              },
              { name: 'Connection', cell: ({ connectionName: connection }) => connection },
              { name: 'Last used', cell: ({ lastUsedAt }) => <Time at={lastUsedAt} /> },
            ]}
          />
        )}
      </ItemList>
      {can('ACCOUNTS_AUTHORIZE') && (
        <p>
          <button type="button" onClick={() => setAuthorizing(true)}>
            Create an authorization link
          </button>
        </p>
      )}
      {authorizing && <AuthorizeDialog close={() => setAuthorizing(false)} />}
    </>
  )
}

function Filters(current: {
  within: SearchIn
  text: string
  status: ConnectedAccountStatus | undefined
  connectionName: string | undefined
}) {
  const apps = useQuery(OAuthApps, {})
  const [within, setWithin] = useState(current.within)
  const [text, setText] = useState(current.text)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    setWithin(current.within)
    setText(current.text)
  }, [current.within, current.text])
  const show = (change: Readonly<Record<string, string | undefined>>) => {
    const { status, connectionName: connection } = current
    go(href(['accounts'], { q: current.text, in: current.within, status, connection, ...change }))
  }
  return (
    <search>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault()
          const isPair = /^[^=]+=./.test(text.trim())
          const isWrong = within === 'metadata' && text.trim() !== '' && !isPair
          setProblem(isWrong ? 'Enter metadata as key=value, such as plan=pro.' : null)
          if (!isWrong) show({ q: text.trim(), in: within })
        }}
      >
        <label>
          Search in
          <select value={within} onChange={({ currentTarget }) => setWithin(currentTarget.value as SearchIn)}>
            {Object.entries(searches).map(([value, { name }]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="grow">
          {searches[within].hint}
          <input type="search" value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
        <button type="submit">Search</button>
        <Filter
          label="Status"
          value={current.status}
          options={inWords(statuses)}
          choose={(status) => show({ status })}
        />
        <Filter
          label="Connection"
          value={current.connectionName}
          options={(apps.data?.oauthApps ?? []).map(({ connectionName }) => [connectionName, connectionName])}
          choose={(connection) => show({ connection })}
        />
      </form>
      {problem !== null && (
        <p class="notice bad" role="alert">
          {problem}
        </p>
      )}
    </search>
  )
}
