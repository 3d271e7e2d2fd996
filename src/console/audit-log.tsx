import { useEffect, useState } from 'preact/hooks'
import { Actor } from './account.tsx'
import { useList } from './data.ts'
import { AuditEvents, type AuditEventsQuery, type AuditEventsQueryVariables } from './operations.ts'
import { go, href } from './route.ts'
import { Empty, Filter, Heading, ItemList, Json, Table, Time } from './ui.tsx'

type Event = AuditEventsQuery['auditEvents']['nodes'][number]

/** The actions, as the API documents them, by what they are about. */
const actions: Readonly<Record<string, readonly string[]>> = {
  Accounts: ['account.imported', 'account.updated', 'account.disconnected', 'account.deleted'],
  Authorizations: ['authorization.started', 'authorization.confirmed', 'authorization.refused'],
  'API keys': ['api_key.created', 'api_key.narrowed', 'api_key.revoked'],
  'User sessions': ['user_session.created', 'user_session.revoked', 'user_sessions.revoked'],
  'OAuth apps': ['oauth_app.registered', 'oauth_app.updated'],
  Tools: ['tool_policy.changed', 'tool_approval.approved', 'tool_approval.rejected'],
  Webhooks: [
    'webhook_endpoint.created',
    'webhook_endpoint.updated',
    'webhook_endpoint.secret_rotated',
    'webhook_endpoint.deleted',
  ],
  Vault: ['vault_key.added', 'vault_key.promoted', 'vault_key.retired'],
}

/** Who did what, when and from where. */
export function AuditLogPage({ search }: { search: URLSearchParams }) {
  const about = search.get('about') ?? ''
  const actor = search.get('actor') ?? ''
  const [text, setText] = useState(actor)
  useEffect(() => setText(actor), [actor])
  const chosen = Object.hasOwn(actions, about) ? actions[about] : undefined
  const list = useList<AuditEventsQuery, AuditEventsQueryVariables, Event>(
    AuditEvents,
    { filter: { ...(chosen && { action: chosen }), ...(actor !== '' && { actor }) } },
    ({ auditEvents }) => auditEvents,
  )
  return (
    <>
      <Heading
        aside={
          <button type="button" onClick={list.reload}>
            Refresh
          </button>
        }
      >
        Audit log
      </Heading>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault()
          go(href(['audit-log'], { about, actor: text.trim() }))
        }}
      >
        <Filter
          label="About"
          all="Everything"
          value={about}
          options={Object.keys(actions).map((name) => [name, name])}
          choose={(value) => go(href(['audit-log'], { about: value, actor }))}
        />
        <label class="grow">
          Actor: ID of an API key or user session, cli, user or system
          <input value={text} maxLength={200} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
        <button type="submit">Search</button>
      </form>
      <ItemList
        list={list}
        empty={
          <Empty title={chosen || actor ? 'No act matches' : 'No acts are recorded'}>
            <p>
              {chosen || actor ? (
                <a href={href(['audit-log'])}>Show all acts.</a>
              ) : (
                'Administrative acts appear here, such as a new API key. Tool calls have a page of their own.'
              )}
            </p>
          </Empty>
        }
      >
        {(items) => (
          <Table
            caption="Administrative acts, newest first"
            items={items}
            keyOf={({ id }) => id}
            columns={[
              { name: 'Time', cell: ({ at }) => <Time at={at} /> },
              { name: 'Action', cell: ({ action }) => <code>{action}</code> },
              { name: 'Actor', cell: (event) => <Actor actor={event.actor} /> },
              {
                name: 'Target',
                cell: ({ target }) =>
                  target === null ? <span class="quiet">The server</span> : <code class="id">{target}</code>,
              },
              {
                name: 'From',
                cell: ({ sourceAddress }) => sourceAddress ?? <span class="quiet">No request</span>,
              },
              {
                name: 'Details',
                cell: ({ before, after, requestId }) => (
                  <details>
                    <summary>Show</summary>
                    {before !== null && (
                      <>
                        <p>Before</p>
                        <Json value={before} />
                      </>
                    )}
                    {after !== null && (
                      <>
                        <p>After</p>
                        <Json value={after} />
                      </>
                    )}
                    <p class="quiet">{requestId === null ? 'No request.' : `Request ${requestId}`}</p>
                  </details>
                ),
              },
            ]}
          />
        )}
      </ItemList>
    </>
  )
}
