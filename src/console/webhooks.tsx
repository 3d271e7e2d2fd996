import { useEffect, useState } from 'preact/hooks'
import { useAction, useList, useQuery } from './data.ts'
import { payloadOf } from './failure.ts'
import {
  DeleteEndpoint,
  Deliveries,
  type DeliveriesQuery,
  type DeliveriesQueryVariables,
  type EndpointFragment,
  Replay,
  ReplayAll,
  RotateSecret,
  UpdateEndpoint,
  type WebhookDeliveryStatus,
  WebhookEndpoints,
} from './operations.ts'
import { go, href } from './route.ts'
import { useSession } from './session.ts'
import {
  Badge,
  Confirm,
  Empty,
  FailureNotice,
  Filter,
  Heading,
  ItemList,
  inWords,
  Json,
  NewSecret,
  Result,
  Table,
  Time,
} from './ui.tsx'
import { defaultEvents, EndpointForm } from './webhook-form.tsx'

const statuses: readonly WebhookDeliveryStatus[] = ['PENDING', 'DELIVERED', 'FAILED']

/** Webhook endpoints, and what was sent to them. */
export function WebhooksPage({ search }: { search: URLSearchParams }) {
  const endpoints = useQuery(WebhookEndpoints, {})
  const [creating, setCreating] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  return (
    <>
      <Heading
        aside={
          <button type="button" class="primary" onClick={() => setCreating(true)}>
            Add an endpoint
          </button>
        }
      >
        Webhooks
      </Heading>
      <Result of={endpoints}>
        {({ webhookEndpoints, webhookEventTypes }) =>
          webhookEndpoints.length === 0 ? (
            <Empty title="No endpoint receives events">
              <p>Add the URL of your application that should learn of changes, such as revoked accounts.</p>
            </Empty>
          ) : (
            <>
              {webhookEndpoints.map((endpoint) => (
                <Endpoint
                  key={endpoint.id}
                  endpoint={endpoint}
                  byDefault={defaultEvents(webhookEventTypes)}
                  changed={endpoints.reload}
                  showSecret={setSecret}
                />
              ))}
              <DeliveryLog search={search} endpoints={webhookEndpoints} />
            </>
          )
        }
      </Result>
      {creating && endpoints.data && (
        <EndpointForm
          eventTypes={endpoints.data.webhookEventTypes}
          close={() => setCreating(false)}
          created={(created) => {
            setCreating(false)
            setSecret(created)
            endpoints.reload()
          }}
        />
      )}
      {secret !== null && (
        <NewSecret title="Signing secret" label="Signing secret" secret={secret} done={() => setSecret(null)}>
          <p>Your application verifies the signature of each request with it.</p>
        </NewSecret>
      )}
    </>
  )
}

function Endpoint(options: {
  endpoint: EndpointFragment
  byDefault: readonly string[]
  changed: () => void
  showSecret: (secret: string) => void
}) {
  const { endpoint, byDefault, changed, showSecret } = options
  const { run: request, announce } = useSession()
  const { busy, failure, run } = useAction()
  const [open, setOpen] = useState<'delete' | 'disable' | 'rotate' | 'replay' | null>(null)
  const [leaked, setLeaked] = useState(false)
  const close = () => setOpen(null)
  const { id, url, enabled, events } = endpoint
  const change = async (isEnabled: boolean) => {
    payloadOf((await request(UpdateEndpoint, { input: { id, enabled: isEnabled } })).updateWebhookEndpoint)
    announce(isEnabled ? 'The endpoint is enabled.' : 'The endpoint is disabled.')
    changed()
  }
  return (
    <section class="card" aria-label={url}>
      <h2>
        {url} <Badge value={enabled ? 'ENABLED' : 'DISABLED'} tone={enabled ? 'good' : 'bad'} />
      </h2>
      {endpoint.disabledReason !== null && (
        <p>
          Nothing is sent since <Time at={endpoint.disabledAt} />: {endpoint.disabledReason} Fix the receiver, then
          enable the endpoint.
        </p>
      )}
      <p class="quiet">
        {events.join() === byDefault.join() ? 'All events except those of providers' : events.join(', ')}
      </p>
      {endpoint.previousSecretExpiresAt !== null && (
        <p class="quiet">
          Requests are also signed with the previous secret until <Time at={endpoint.previousSecretExpiresAt} />.
        </p>
      )}
      {failure && <FailureNotice failure={failure} />}
      <div class="buttons">
        {enabled ? (
          <button type="button" onClick={() => setOpen('disable')}>
            Disable
          </button>
        ) : (
          <button type="button" disabled={busy} aria-busy={busy} onClick={() => void run(() => change(true))}>
            Enable
          </button>
        )}
        <button type="button" onClick={() => setOpen('rotate')}>
          Rotate the secret
        </button>
        <button type="button" onClick={() => setOpen('replay')}>
          Replay failed deliveries
        </button>
        <button type="button" class="danger" onClick={() => setOpen('delete')}>
          Delete
        </button>
      </div>
      {open === 'disable' && (
        <Confirm title="Disable the endpoint?" action="Disable" close={close} act={() => change(false)}>
          <p>Nothing is sent to {url} any more. What waits for delivery fails, and can be replayed for 14 days.</p>
        </Confirm>
      )}
      {open === 'rotate' && (
        <Confirm
          title="Rotate the signing secret?"
          action="Rotate"
          danger={leaked}
          close={close}
          act={async () => {
            const input = { id, overlapSeconds: leaked ? 0 : 86_400 }
            showSecret(payloadOf((await request(RotateSecret, { input }, { once: true })).rotateWebhookSecret).secret)
            changed()
          }}
        >
          <p>Requests are signed with a new secret, which you see once, and for 24 hours with the old one as well.</p>
          <label class="choice">
            <input
              type="checkbox"
              checked={leaked}
              onChange={({ currentTarget }) => setLeaked(currentTarget.checked)}
            />
            <span>The old secret leaked: stop using it now</span>
          </label>
        </Confirm>
      )}
      {open === 'replay' && (
        <Confirm
          title="Replay all failed deliveries?"
          action="Replay"
          danger={false}
          close={close}
          act={async () => {
            const { replayWebhookDeliveries } = await request(ReplayAll, { input: { endpointId: id } })
            const { replayed } = payloadOf(replayWebhookDeliveries)
            announce(replayed === 0 ? 'No delivery has failed.' : `${replayed} deliveries are sent again.`)
            changed()
          }}
        >
          <p>They are sent again, the oldest first, with the same event IDs.</p>
        </Confirm>
      )}
      {open === 'delete' && (
        <Confirm
          title="Delete the endpoint?"
          action="Delete"
          close={close}
          act={async () => {
            payloadOf((await request(DeleteEndpoint, { input: { id } })).deleteWebhookEndpoint)
            announce('The endpoint is deleted.')
            changed()
          }}
        >
          <p>
            {url} is deleted with its deliveries, also those that were not sent yet.{' '}
            <strong>This cannot be undone.</strong>
          </p>
        </Confirm>
      )}
    </section>
  )
}

type Delivery = DeliveriesQuery['webhookDeliveries']['nodes'][number]

/** How often deliveries are read again while one of them waits for an attempt. */
const reloadMs = 2_000

function DeliveryLog({ search, endpoints }: { search: URLSearchParams; endpoints: readonly EndpointFragment[] }) {
  const { run: request, announce } = useSession()
  const { busy, failure, run } = useAction()
  const status = statuses.find((each) => each === search.get('status'))
  const endpointId = search.get('endpoint') || undefined
  const list = useList<DeliveriesQuery, DeliveriesQueryVariables, Delivery>(
    Deliveries,
    { ...(status && { status }), ...(endpointId && { endpointId }) },
    ({ webhookDeliveries }) => webhookDeliveries,
  )
  const waits = list.data?.some((delivery) => delivery.status === 'PENDING') ?? false
  useEffect(() => {
    if (!waits) return
    const timer = setInterval(() => document.hidden || list.reload(), reloadMs)
    return () => clearInterval(timer)
  }, [waits, list.reload])
  const show = (change: Readonly<Record<string, string>>) =>
    go(href(['webhooks'], { status, endpoint: endpointId, ...change }))
  return (
    <section>
      <h2>Deliveries</h2>
      <div class="filters">
        <Filter
          label="Endpoint"
          value={endpointId}
          options={endpoints.map(({ id, url }) => [id, url])}
          choose={(endpoint) => show({ endpoint })}
        />
        <Filter label="Status" value={status} options={inWords(statuses)} choose={(value) => show({ status: value })} />
        <button type="button" onClick={list.reload}>
          Refresh
        </button>
      </div>
      {failure && <FailureNotice failure={failure} />}
      <ItemList
        list={list}
        empty={
          status !== undefined || endpointId !== undefined ? (
            <Empty title="No delivery matches">
              <p>
                <a href={href(['webhooks'])}>Show all deliveries.</a>
              </p>
            </Empty>
          ) : (
            <Empty title="Nothing was sent yet">
              <p>Deliveries appear here when something happens, such as a change of an account's status.</p>
            </Empty>
          )
        }
      >
        {(items) => (
          <Table
            caption="Deliveries, newest event first"
            items={items}
            keyOf={({ id }) => id}
            columns={[
              { name: 'Event', cell: ({ eventType }) => <code>{eventType}</code> },
              { name: 'Time', cell: ({ occurredAt }) => <Time at={occurredAt} /> },
              {
                name: 'Status',
                cell: (delivery) => (
                  <>
                    <Badge value={delivery.status} />{' '}
                    {delivery.lastStatusCode !== null && <span class="quiet">HTTP {delivery.lastStatusCode}</span>}
                    {delivery.lastError !== null && <div>{delivery.lastError}</div>}
                    {delivery.nextAttemptAt !== null && (
                      <div class="quiet">
                        Next attempt: <Time at={delivery.nextAttemptAt} />
                      </div>
                    )}
                  </>
                ),
              },
              { name: 'Attempts', cell: ({ attempts }) => attempts },
              {
                name: 'Request',
                cell: ({ payload, endpoint, eventId }) => (
                  <details>
                    <summary>Show</summary>
                    <p>
                      {endpoint.url} <code class="id">{eventId}</code>
                    </p>
                    <Json value={payload} />
                  </details>
                ),
              },
              {
                name: '',
                cell: ({ id, eventType, status: of }) => (
                  <button
                    type="button"
                    disabled={busy}
                    onClick={() =>
                      void run(async () => {
                        payloadOf((await request(Replay, { input: { id } })).replayWebhookDelivery)
                        announce(of === 'PENDING' ? 'The delivery is attempted now.' : 'The delivery is sent again.')
                        list.reload()
                      })
                    }
                  >
                    {of === 'PENDING' ? 'Attempt now' : 'Replay'}
                    <span class="hidden"> {eventType}</span>
                  </button>
                ),
              },
            ]}
          />
        )}
      </ItemList>
    </section>
  )
}
