import type { Secret } from '../vault/secret.ts'

/** A provider's webhooks: how they are authenticated, and what they report. The generic part knows no provider. */
export interface ProviderEvents {
  /** The types of events, without the connector's slug, with what each reports. Other types are accepted as well. */
  readonly types: Readonly<Record<string, string>>
  /** The header with the signature, in lower case. */
  readonly signatureHeader: string
  /** Whether the signature of a body was made with this token. Takes the same time for all signatures of valid syntax. */
  verifies(body: Uint8Array, signature: string, token: Secret): boolean
  /** Returns the token in the request that precedes all events; null for other bodies. */
  readToken(body: unknown): Secret | null
  /**
   * Returns the IDs of objects whose content may have changed by an event; an empty ID where it may be that of others, too.
   * Absent: events change no content.
   */
  changedContent?(event: Pick<ProviderEvent, 'type' | 'facts'>): readonly string[]
  /** Returns the event in a parsed body; null when it is not one. Fields that are not known are ignored. */
  readEvent(body: unknown): ProviderEvent | null
}

/** An event of a provider. */
export interface ProviderEvent {
  /** The provider's own ID, the same for each attempt to deliver it. */
  readonly id: string
  /** The provider's own type, which may be unknown to this release. */
  readonly type: string
  readonly occurredAt: Date
  /** The provider's ID of the connection that the events belong to. */
  readonly integrationId: string
  readonly workspaceId: string
  /** Who may see the object: installations of the OAuth app, and the users who made them. */
  readonly visibleTo: { readonly installationIds: readonly string[]; readonly userIds: readonly string[] }
  readonly facts: ProviderEventFacts
}

/** How an event was found. The GraphQL enum is made from this. */
export const eventSources = {
  WEBHOOK: 'Reported by a webhook of the provider.',
  POLL: 'Found by a poll of the lists of the provider. They show that an object was created or edited, not what was edited and by whom.',
} as const

export type ProviderEventSource = keyof typeof eventSources

/** What an event is for those who receive it. */
export type ReportedEvent = Pick<ProviderEvent, 'id' | 'type' | 'occurredAt' | 'facts'> & {
  readonly source: ProviderEventSource
}

/** An event that a list of the provider shows. It is for the accounts of the grant that it was listed for. */
export interface PolledEvent extends Pick<ProviderEvent, 'type' | 'occurredAt' | 'facts'> {
  /** The last moment that `occurredAt` may mean: providers round times. It is reported after that, so that it covers all of it. */
  readonly until: Date
}

/** An object of the provider. */
export interface EventObject {
  readonly id: string
  readonly type: string
}

/** What an event reports: identifiers and types, no names and no content. */
export interface ProviderEventFacts {
  readonly workspaceId: string
  /** Null if an event of an unknown type names none. */
  readonly entity: EventObject | null
  readonly parent: EventObject | null
  /** The data source of a parent that is a database. */
  readonly dataSourceId: string | null
  /** The page of a comment. */
  readonly pageId: string | null
  readonly authors: readonly EventObject[]
  readonly updatedBlocks: readonly EventObject[]
  readonly updatedProperties: readonly string[]
  /** Whether one of the lists has more than the maximum number of entries, which are left out. */
  readonly truncated: boolean
}

/** The type for subscribers and endpoints: the provider's own after the slug, or `<slug>.unknown`. */
export const publicEventType = (slug: string, { types }: Pick<ProviderEvents, 'types'>, type: string): string =>
  `${slug}.${Object.hasOwn(types, type) ? type : 'unknown'}`

/** The types of all connectors as {@link publicEventType} returns them, with what each reports. */
export function publicEventTypes(
  connectors: readonly { readonly slug: string; readonly name: string; readonly events?: ProviderEvents }[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    connectors.flatMap(({ slug, name, events }) =>
      events === undefined
        ? []
        : [
            ...Object.entries(events.types).map(([type, meaning]) => [`${slug}.${type}`, meaning]),
            [`${slug}.unknown`, `${name} sent an event of a type that this release does not know: see \`eventType\`.`],
          ],
    ),
  )
}
