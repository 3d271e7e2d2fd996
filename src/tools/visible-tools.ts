import { listOAuthApps } from '../accounts/oauth-app-store.ts'
import type { Db } from '../db/database.ts'
import { mayActOn, type Viewer } from '../environments/viewer.ts'
import { maySee, requiresApproval } from './admission.ts'
import { selectTools, type ToolSelection } from './catalogue.ts'
import type { AnyTool, ToolCatalogue } from './tool.ts'

/** A tool in a list for a viewer. */
export type ShownTool = AnyTool & {
  /** Whether each call of the viewer needs the approval of a person. */
  readonly requiresApproval: boolean
}

/** Marks a tool of a list. `appPolicy` is the policy of the OAuth app as it is stored; null also where no app is known. */
const shown = (viewer: Viewer, tool: AnyTool, appPolicy: string | null): ShownTool => ({
  ...tool,
  requiresApproval: requiresApproval(viewer, tool, appPolicy),
})

/** The tools of a selection that a viewer may see with a stored policy of an OAuth app, in the catalogue's order. */
export const toolsUnder = (
  catalogue: ToolCatalogue,
  viewer: Viewer,
  selection: ToolSelection,
  appPolicy: string | null,
): ShownTool[] =>
  selectTools(catalogue, selection)
    .filter((tool) => maySee(viewer, tool, appPolicy))
    .map((tool) => shown(viewer, tool, appPolicy))

/**
 * Returns the tools of a selection that a viewer may see for a connection, in the catalogue's order. Null: for the
 * connection with the name of each tool's connector, as a call without a connection name. None for a connection that does
 * not exist, or that the viewer may not act on.
 */
export async function visibleTools(
  { db, catalogue }: { readonly db: Db; readonly catalogue: ToolCatalogue },
  viewer: Viewer,
  connectionName: string | null,
  selection: ToolSelection,
): Promise<ShownTool[]> {
  if (connectionName !== null && !mayActOn(viewer, { connectionName })) return []
  const apps = await listOAuthApps(db, viewer.environmentId)
  if (connectionName !== null) {
    const app = apps.find((one) => one.connectionName === connectionName)
    return app ? toolsUnder(catalogue, viewer, { ...selection, connector: app.connector }, app.toolPolicy) : []
  }
  const policies = new Map(apps.map((app) => [app.connectionName, app.toolPolicy]))
  return selectTools(catalogue, selection).flatMap((tool) => {
    const appPolicy = policies.get(tool.connector) ?? null
    return maySee(viewer, tool, appPolicy) ? [shown(viewer, tool, appPolicy)] : []
  })
}
