import { useState } from 'preact/hooks'
import { useAction } from './data.ts'
import { payloadOf } from './failure.ts'
import { CreateEndpoint, type WebhookEndpointsQuery } from './operations.ts'
import { href } from './route.ts'
import { useSession } from './session.ts'
import { Choices, Dialog, FailureNotice, Field, FormButtons, onSubmit } from './ui.tsx'

export type EventType = WebhookEndpointsQuery['webhookEventTypes'][number]

/** The names of the types that an endpoint without a list of types receives. */
export const defaultEvents = (eventTypes: readonly EventType[]): string[] =>
  eventTypes.filter(({ connector }) => connector === null).map(({ name }) => name)

/** Groups values by a key, in the order of their first occurrence. */
function grouped<Value>(values: readonly Value[], keyOf: (value: Value) => string): [string, Value[]][] {
  const groups = new Map<string, Value[]>()
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value])
  return [...groups]
}

/** The object that a provider's event is about, such as `page` of `notion.page.created`. */
function objectOf({ name }: EventType): string {
  const [, object = '', ...change] = name.split('.')
  return change.length === 0 ? 'other' : object.replaceAll('_', ' ')
}

const choicesOf = (eventTypes: readonly EventType[]) =>
  eventTypes.map(({ name, description }) => ({
    value: name,
    text: (
      <>
        {description} <code>{name}</code>
      </>
    ),
  }))

/** The form that adds a webhook endpoint. */
export function EndpointForm(options: {
  eventTypes: readonly EventType[]
  close: () => void
  created: (secret: string) => void
}) {
  const { eventTypes, close, created } = options
  const { run: request } = useSession()
  const { busy, failure, run } = useAction()
  const byDefault = defaultEvents(eventTypes)
  const [url, setUrl] = useState('')
  const [events, setEvents] = useState(byDefault)
  /** Replaces what is selected of some types. */
  const choose = (of: readonly EventType[], chosen: readonly string[]) =>
    setEvents(
      eventTypes.filter((type) => (of.includes(type) ? chosen : events).includes(type.name)).map(({ name }) => name),
    )
  const own = eventTypes.filter(({ connector }) => connector === null)
  const provided = eventTypes.filter(({ connector }) => connector !== null)
  return (
    <Dialog title="Add an endpoint" close={close}>
      <form
        onSubmit={onSubmit(async () => {
          await run(async () => {
            if (events.length === 0) throw new Error('Select at least one event.')
            const input = { url: url.trim(), ...(events.join() !== byDefault.join() && { events }) }
            created(payloadOf((await request(CreateEndpoint, { input }, { once: true })).createWebhookEndpoint).secret)
          })
        })}
      >
        <Field label="URL" hint="Must use https and have a public address, unless the server allows its network.">
          {(attributes) => (
            <input
              {...attributes}
              type="url"
              required
              placeholder="https://app.example.com/webhooks/valetkey"
              value={url}
              onInput={({ currentTarget }) => setUrl(currentTarget.value)}
            />
          )}
        </Field>
        <Choices
          legend="Events"
          hint="With all of these selected and no others, the endpoint also gets types of later releases."
          all={choicesOf(own)}
          chosen={events}
          choose={(chosen) => choose(own, chosen)}
        />
        {grouped(provided, ({ connector }) => connector?.name ?? '').map(([provider, types]) => {
          const count = types.filter(({ name }) => events.includes(name)).length
          return (
            <details key={provider}>
              <summary>
                Events from {provider} ({count === 0 ? 'none' : count} selected)
              </summary>
              <p class="quiet">
                {provider} reports them to the webhook of an <a href={href(['oauth-apps'])}>OAuth app</a>. Each account
                that may see the object has a delivery of its own.
              </p>
              {grouped(types, objectOf).map(([object, group]) => {
                const whole = group.every(({ name }) => events.includes(name))
                return (
                  <Choices
                    key={object}
                    legend={object}
                    hint={
                      <button type="button" onClick={() => choose(group, whole ? [] : group.map(({ name }) => name))}>
                        Select {whole ? 'none' : 'all'}
                        <span class="hidden"> of {object}</span>
                      </button>
                    }
                    all={choicesOf(group)}
                    chosen={events}
                    choose={(chosen) => choose(group, chosen)}
                  />
                )
              })}
            </details>
          )
        })}
        {failure && <FailureNotice failure={failure} />}
        <FormButtons submit="Add" busy={busy} close={close} />
      </form>
    </Dialog>
  )
}
