import { createHmac } from 'node:crypto'
import {
  browserTokenOf,
  isSame,
  newOpening,
  type Opening,
  readState,
  stateOf,
} from '../accounts/authorization/opening.ts'
import { type Actor, browserActor } from '../audit/audit-log.ts'
import type { Db } from '../db/database.ts'
import type { Viewer } from '../environments/viewer.ts'
import { ApprovalNotFoundError, ApproverMismatchError } from '../errors.ts'
import { isUuid } from '../uuid.ts'
import type { Secret } from '../vault/secret.ts'
import { requireApproval, requireOther } from './approval-decision.ts'
import { findApprovalsById, type StoredApproval } from './approval-store.ts'
import type { ToolApproval } from './approvals.ts'
import type { ToolEngine } from './engine.ts'

/*
 * Decisions on a page, by people who have no credential here. A link names an approval and permits nothing. Each opening of it
 * gets a state for the application, and a cookie for its browser. The application, which knows who is signed in, confirms the
 * state, and sends the browser back with a proof. A decision takes the proof and the cookie, so that neither a link nor an
 * address with a proof in another browser is of use. Nothing of this is stored.
 */

/** Cookie of an opening of an approval's link. */
export interface ApproverCookie {
  readonly name: string
  readonly value: string
}

/** What a browser brings to the page of an approval. */
export interface ApproverRequest {
  readonly approvalId: string
  readonly state: string | null
  readonly proof: string | null
  readonly readCookie: (name: string) => string | null
}

/** Who decides on the page of an approval. */
export interface Approvers {
  /** Returns the approval of a link, of any environment, without its input; null for an unknown one. */
  find(approvalId: string): Promise<StoredApproval | null>
  /** Creates an opening: the state for the application, and the cookie for the browser. */
  open(approvalId: string): { readonly state: string; readonly cookie: ApproverCookie }
  /**
   * Confirms for an application that the user of the approval's account is signed in, in the browser that brought a state.
   * Returns the path and query that lead this browser to the decision. Throws an ApprovalNotFoundError, an
   * ApproverMismatchError or an OwnApprovalError.
   */
  confirm(viewer: Viewer, state: string, identifier: string): Promise<{ readonly id: string; readonly path: string }>
  /** Confirms in place of the application, on a development server. Null for a state of none. */
  confirmInDevelopment(state: string): Promise<{ readonly approval: StoredApproval; readonly path: string } | null>
  /** Returns who decides with what a browser brings: null unless its application has confirmed its user. */
  viewerOf(request: ApproverRequest): Promise<Viewer | null>
  /** Returns the approval with its input, for a viewer. */
  show(viewer: Viewer, approvalId: string): Promise<ToolApproval | null>
  /** Decides for a viewer. Throws as {@link ToolEngine.approve} does. */
  decide(viewer: Viewer, approvalId: string, decision: 'approve' | 'reject', requestId: string): Promise<void>
}

/** Returns the path of the page of an approval. */
export const approvalPath = (approvalId: string): string => `/approve/${approvalId}`

/** Creates {@link Approvers}. `key` signs states, cookies and proofs, and nothing else. */
export function createApprovers(parts: {
  readonly db: Db
  readonly key: Secret
  readonly tools: Pick<ToolEngine, 'approvals' | 'approve'>
  /** Returns the viewer of an API key; null when it is no longer accepted. */
  readonly viewerOfKey: (environmentId: string, apiKeyId: string) => Promise<Viewer | null>
  /** Returns whether a user session is still accepted. */
  readonly isValidSession: (environmentId: string, sessionId: string) => Promise<boolean>
  readonly isHttps: () => boolean
}): Approvers {
  const { db, key, tools } = parts
  const cookieName = (opening: Opening) => `${parts.isHttps() ? '__Host-' : ''}valetkey-approval-${opening.id}`
  const proofOf = ({ flowId, id }: Opening, by: Confirmer) => {
    const named = by.sessionId === null ? [by.apiKeyId] : [by.apiKeyId, by.sessionId]
    const signature = createHmac('sha256', key.reveal()).update(JSON.stringify(['approver', flowId, id, ...named]))
    return [by.apiKeyId, signature.digest('base64url'), ...named.slice(1)].join('.')
  }
  const pathOf = (state: string, opening: Opening, by: Confirmer) =>
    `${approvalPath(opening.flowId)}?${new URLSearchParams({ approval_state: state, proof: proofOf(opening, by) }).toString()}`

  const find: Approvers['find'] = async (approvalId) => {
    if (!isUuid(approvalId)) return null
    const row = await db
      .selectFrom('tool_approvals')
      .select('environment_id')
      .where('id', '=', approvalId)
      .executeTakeFirst()
    const [approval] = row ? await findApprovalsById(db, row.environment_id, [approvalId]) : []
    return approval ?? null
  }

  return {
    find,
    open(approvalId) {
      const opening = newOpening(approvalId)
      const cookie = { name: cookieName(opening), value: browserTokenOf(key, opening) }
      return { state: stateOf(key, opening), cookie }
    },
    async confirm(viewer, state, identifier) {
      const opening = readState(key, state)
      if (!opening)
        throw new ApprovalNotFoundError('Unknown or expired approval_state. Open the page of the approval again.')
      const approval = await requireApproval(db, viewer, opening.flowId)
      requireOther(viewer, approval)
      if (approval.identifier !== identifier) throw new ApproverMismatchError()
      const { kind, id, apiKeyId } = viewer.credential
      const by = { apiKeyId, sessionId: kind === 'user_session' ? id : null }
      return { id: approval.id, path: pathOf(state, opening, by) }
    },
    async confirmInDevelopment(state) {
      const opening = readState(key, state)
      const approval = opening && (await find(opening.flowId))
      return (
        approval && { approval, path: pathOf(state, opening, { apiKeyId: approval.requesterKeyId, sessionId: null }) }
      )
    },
    async viewerOf({ approvalId, state, proof, readCookie }) {
      const opening = state === null ? null : readState(key, state)
      if (!opening || opening.flowId !== approvalId || proof === null) return null
      const [apiKeyId = '', , sessionId = null] = proof.split('.')
      if (!isUuid(apiKeyId) || (sessionId !== null && !isUuid(sessionId))) return null
      if (!isSame(proof, proofOf(opening, { apiKeyId, sessionId }))) return null
      if (!isSame(readCookie(cookieName(opening)) ?? '', browserTokenOf(key, opening))) return null
      const approval = await find(approvalId)
      if (!approval) return null
      const viewer = await parts.viewerOfKey(approval.environmentId, apiKeyId)
      if (sessionId !== null && !(await parts.isValidSession(approval.environmentId, sessionId))) return null
      // The key permits no more than its narrowing, and ends what it has confirmed when it is revoked.
      return viewer && { ...viewer, identifier: approval.identifier, credential: asUser(viewer) }
    },
    async show(viewer, approvalId) {
      const [approval] = await tools.approvals.byId(viewer, [approvalId])
      return approval ?? null
    },
    async decide(viewer, approvalId, decision, requestId) {
      const actor: Actor = { ...browserActor, requestId }
      if (decision === 'approve') await tools.approve(viewer, approvalId, actor)
      else await tools.approvals.reject(viewer, approvalId, null, actor)
    },
  }
}

/** The credential that confirmed a user: an API key, or a user session that it has created. */
interface Confirmer {
  readonly apiKeyId: string
  readonly sessionId: string | null
}

/** The application has confirmed the user: the rule against approving one's own calls was applied to its key then. */
const asUser = ({ credential }: Viewer) => ({ ...credential, kind: 'user_session' as const })
