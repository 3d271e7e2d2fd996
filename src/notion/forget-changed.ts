import type { RoutedEvents } from '../provider-events/routed-events.ts'
import type { ObservedObjects } from './observed-objects.ts'
import type { SchemaCache } from './schema-cache.ts'

/** Events after which what is held of the object and of its parent may be wrong. */
const changesPlace = /^(?:page|database|data_source)\.(?:created|deleted|undeleted|moved)$/
const changesSchema = /^(?:database|data_source)\.schema_updated$/
/** Also an edit of the schema, where a poll found it. */
const polledEdit = 'data_source.content_updated'

/**
 * Forgets what Notion reports as changed, for the accounts that it reports it for. Without webhooks, and for events that were
 * lost, entries end by their age.
 */
export function forgetChanged(
  changes: Pick<RoutedEvents, 'subscribe'>,
  { schemas, observed }: { readonly schemas: SchemaCache; readonly observed: ObservedObjects },
): void {
  changes.subscribe({
    onEvents(events) {
      for (const { connector, type, source, environmentId, accountIds, grantIds, facts } of events) {
        const moved = changesPlace.test(type)
        const edited = changesSchema.test(type) || (source === 'POLL' && type === polledEdit)
        if (connector !== 'notion' || !(moved || edited)) continue
        const ids = [facts.entity?.id, facts.parent?.id, facts.dataSourceId].filter((id) => id != null)
        for (const accountId of accountIds) for (const id of ids) schemas.forget({ id: accountId }, id)
        if (moved && facts.entity) observed.forget({ environmentId, grantIds, ...facts }, facts.entity.id)
      }
    },
    onGap: () => schemas.clear(),
  })
}
