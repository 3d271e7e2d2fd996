import { createGrantAccess } from '../access.ts'
import type { JsonObject } from '../model.ts'
import type { SandboxState } from '../state.ts'
import type { DraftEvent } from './event-types.ts'

/** Maximum length of `accessible_by`, as at Notion. */
const maxAccessibleBy = 100

/**
 * Returns `accessible_by` of an event for a client: the bot and the user of each grant that sees the entity now. Empty
 * if the client must not receive the event. Comments also require that the grant may read comments.
 */
export function accessibleBy(state: SandboxState, clientId: string, draft: DraftEvent): JsonObject[] {
  const { store } = state
  const client = state.client(clientId)
  const found: JsonObject[] = []
  for (const id of store.grantsOfClient(clientId)) {
    const grant = store.grants.get(id)
    if (grant?.workspaceId !== draft.workspaceId) continue
    const access = createGrantAccess(store, grant, client)
    const { visibility } = draft
    const sees = 'bot' in visibility ? visibility.bot === grant.botId : access.canSee(visibility.content)
    if (!sees || (draft.entity.type === 'comment' && !access.capabilities.has('READ_COMMENTS'))) continue
    found.push({ id: grant.botId, type: 'bot' }, { id: grant.userId, type: 'person' })
    if (found.length >= maxAccessibleBy) break
  }
  return found
}
