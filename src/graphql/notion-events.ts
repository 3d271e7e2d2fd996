import { didYouMean } from '../did-you-mean.ts'
import { inputRules } from '../input-rules.ts'
import {
  type EventObject,
  eventSources,
  type ProviderEventSource,
  publicEventTypes,
} from '../provider-events/provider-event.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { ConnectedAccountRef } from './connected-account.ts'
import type { GraphQLContext } from './context.ts'
import { describedEnum } from './described-enum.ts'
import type { WatchedEvent } from './event-watch.ts'
import { ruled } from './input-fields.ts'
import { badUserInput } from './protocol-errors.ts'
import { viewerOf } from './viewer.ts'

const EventObjectRef = builder.objectRef<EventObject>('NotionEventObject').implement({
  description: 'Object of Notion that an event refers to.',
  fields: (t) => ({
    objectId: t.exposeString('id', { description: 'ID of the object in Notion.' }),
    type: t.exposeString('type', { description: 'Type of the object, such as `page`, `database` or `person`.' }),
  }),
})

const EventSourceRef = describedEnum<ProviderEventSource>(
  'NotionEventSource',
  'How an event of Notion was found.',
  eventSources,
)

const NotionEventRef = builder.objectRef<WatchedEvent>('NotionEvent').implement({
  description:
    'What changed in Notion, for one account that may see it. It has IDs and types, no names and no content: read the current state with a tool.',
  fields: (t) => ({
    eventId: t.exposeString('eventId', {
      description:
        'ID of the event in Notion, the same for all accounts. Of a poll: an ID of its own, the same for the accounts of one user.',
    }),
    source: t.expose('source', { type: EventSourceRef, description: 'How the event was found.' }),
    type: t.exposeString('publicType', {
      description:
        'One of Connector.eventTypes, such as `notion.page.created`; `notion.unknown` for types that are new.',
    }),
    eventType: t.exposeString('type', { description: "Notion's own type, such as `page.created`." }),
    occurredAt: t.expose('occurredAt', {
      type: 'DateTime',
      description:
        'Time of the change. Of a poll: rounded down to the minute by Notion. Events can arrive in another order.',
    }),
    connectedAccount: t.field({
      type: ConnectedAccountRef,
      description: 'Account that may see the object.',
      resolve: ({ account }) => account,
    }),
    workspaceId: t.string({ description: 'ID of the workspace.', resolve: ({ facts }) => facts.workspaceId }),
    entity: t.field({
      type: EventObjectRef,
      nullable: true,
      description: 'Object that changed. Null if an event of a new type has none.',
      resolve: ({ facts }) => facts.entity,
    }),
    parent: t.field({
      type: EventObjectRef,
      nullable: true,
      description: 'Parent of the object. Null if the event has none.',
      resolve: ({ facts }) => facts.parent,
    }),
    dataSourceId: t.string({
      nullable: true,
      description: 'ID of the data source that the parent is a database of. Null without one.',
      resolve: ({ facts }) => facts.dataSourceId,
    }),
    pageId: t.string({
      nullable: true,
      description: 'ID of the page of a comment. Null for other events.',
      resolve: ({ facts }) => facts.pageId,
    }),
    authors: t.field({
      type: [EventObjectRef],
      description: 'Who made the change: a `person`, `bot` or `agent`. Empty for a poll.',
      resolve: ({ facts }) => [...facts.authors],
    }),
    updatedBlocks: t.field({
      type: [EventObjectRef],
      description: 'Blocks, pages or databases in which the content changed, at most 100.',
      resolve: ({ facts }) => [...facts.updatedBlocks],
    }),
    updatedProperties: t.stringList({
      description: 'IDs of the properties that changed, at most 100.',
      resolve: ({ facts }) => [...facts.updatedProperties],
    }),
    truncated: t.boolean({
      description: 'Whether a list has more than 100 entries, of which the rest is left out.',
      resolve: ({ facts }) => facts.truncated,
    }),
  }),
})

builder.subscriptionField('notionEvents', (t) =>
  t.field({
    type: NotionEventRef,
    description:
      "Emits what changes in Notion, from now on, for accounts that may see it. While the webhookState of an OAuth app is ACTIVE, they are those of Notion's webhooks: Notion reports most changes within a minute, some twice and some never. Otherwise polls find, within some minutes, that pages and data sources were created or edited, and nothing else: see NotionEvent.source. It is not a log: what happens while no stream is open is not emitted later. For events that are stored until they are delivered, use webhook endpoints.",
    authScopes: access('Subscription.notionEvents'),
    args: {
      connectionName: t.arg.string(ruled(inputRules.connectionName, 'Connection name of the OAuth app. Default: all.')),
      identifier: t.arg.string(
        ruled(inputRules.identifier, 'Your own ID of the user. Default: all that the credential may act for.'),
      ),
      types: t.arg.stringList(
        ruled(inputRules.webhookEvents, 'Types of events, of Connector.eventTypes. Default: all.'),
      ),
    },
    subscribe: (_root, args, context) => {
      requireKnownTypes(context, args.types ?? [])
      return context.eventWatch.events(viewerOf(context), { ...args, connector: 'notion' })
    },
    resolve: (event: WatchedEvent) => event,
  }),
)

function requireKnownTypes({ connectors }: GraphQLContext, types: readonly string[]): void {
  const known = Object.keys(publicEventTypes(connectors.filter(({ slug }) => slug === 'notion')))
  const unknown = types.find((type) => !known.includes(type))
  if (unknown !== undefined)
    throw badUserInput(`unknown event type "${unknown}".${didYouMean(unknown, known)} See Connector.eventTypes.`)
}
