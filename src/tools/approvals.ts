import type { Actor } from '../audit/audit-log.ts'
import { mayActOn, type Viewer } from '../environments/viewer.ts'
import { summaryOf } from './approval-call.ts'
import { openPending, rejectApproval } from './approval-decision.ts'
import { type ApprovalFilter, findApprovalsById, listPendingApprovals, type StoredApproval } from './approval-store.ts'
import type { ExecutionContext } from './execution.ts'
import type { ToolCatalogue } from './tool.ts'
import { uninstalledTool } from './uninstalled-tool.ts'

/** A call that needs or needed an approval, as the person sees it who decides. */
export interface ToolApproval extends StoredApproval {
  readonly summary: string
  /** The exact input that the tool gets; null once it is decided or expired. */
  readonly input: Readonly<Record<string, unknown>> | null
}

/** Calls that need an approval. Each function returns only those that the viewer may decide about. */
export interface Approvals {
  /** Returns the approvals that wait, oldest first, at most {@link maxListedApprovals}. */
  pending(viewer: Viewer, filter: Omit<ApprovalFilter, 'within'>): Promise<readonly ToolApproval[]>
  /** Returns the approvals with these ids, decided ones too. */
  byId(viewer: Viewer, ids: readonly string[]): Promise<readonly ToolApproval[]>
  /** Rejects a pending call. See {@link rejectApproval}. */
  reject(viewer: Viewer, id: string, reason: string | null, decidedBy: Actor): Promise<ToolApproval>
}

/** The approvals that one list has. */
export const maxListedApprovals = 100

/** Creates the list of approvals. Approvals whose row another program changed are left out, and logged. */
export function createApprovals(context: ExecutionContext, catalogue: ToolCatalogue): Approvals {
  const { db } = context

  async function show(viewer: Viewer, found: readonly StoredApproval[]): Promise<readonly ToolApproval[]> {
    const visible = found.filter((approval) => mayActOn(viewer, approval))
    const shown = await Promise.all(visible.map(toShown))
    return shown.filter((approval) => approval !== null)
  }

  async function toShown(approval: StoredApproval): Promise<ToolApproval | null> {
    const tool = catalogue.find(approval.toolName) ?? uninstalledTool(approval.toolName)
    if (approval.status !== 'PENDING') return { ...approval, input: null, summary: tool.title }
    const call = await openPending(context, approval)
    if (call === null) return null
    return {
      ...approval,
      input: JSON.parse(call.value) as Readonly<Record<string, unknown>>,
      summary: summaryOf(tool, call),
    }
  }

  return {
    pending: async (viewer, filter) => {
      const identifier = viewer.identifier ?? filter.identifier
      const within = viewer.narrowing
      const all = { ...filter, identifier, within }
      return show(viewer, await listPendingApprovals(db, viewer.environmentId, all, maxListedApprovals))
    },
    byId: async (viewer, ids) => show(viewer, await findApprovalsById(db, viewer.environmentId, ids)),
    async reject(viewer, id, reason, decidedBy) {
      const rejected = await rejectApproval(db, viewer, id, { reason, decidedBy })
      return {
        ...rejected,
        input: null,
        summary: (catalogue.find(rejected.toolName) ?? uninstalledTool(rejected.toolName)).title,
      }
    },
  }
}
