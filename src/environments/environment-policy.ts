import { recordAudit } from '../audit/audit-log.ts'
import type { Db } from '../db/database.ts'
import { bindingOf, isBound, notBound } from '../vault/row-binding.ts'
import type { EnvironmentsContext } from './context.ts'
import { denyingToolPolicy, noToolPolicy, parseToolPolicy, storedToolPolicy, type ToolPolicy } from './tool-policy.ts'

/** What {@link policyOf} reads, of a row that may have no policy. */
export const environmentPolicyColumns = [
  'environment_policies.policy as environment_policy',
  'environment_policies.binding as environment_policy_binding',
] as const

/**
 * Returns the tool policy of an environment: one that permits nothing, and logs an error, when another program than this
 * server wrote it.
 */
export function policyOf(
  { bindingKey, log }: Pick<EnvironmentsContext, 'bindingKey' | 'log'>,
  environmentId: string,
  row: { readonly environment_policy: string | null; readonly environment_policy_binding: string | null },
): ToolPolicy {
  const { environment_policy: policy, environment_policy_binding: binding } = row
  if (policy === null) return noToolPolicy
  if (isBound(bindingKey, 'environment_policies', [environmentId, policy], binding)) return parseToolPolicy(policy)
  log.error({ err: notBound('environment_policies', environmentId), environmentId }, 'refused a tool policy')
  return denyingToolPolicy
}

/** Returns the tool policy of an environment, as {@link policyOf} does. */
export async function readEnvironmentPolicy(
  context: Pick<EnvironmentsContext, 'db' | 'bindingKey' | 'log'>,
  environmentId: string,
): Promise<ToolPolicy> {
  const row = await selectPolicy(context.db, environmentId)
  return row ? policyOf(context, environmentId, row) : noToolPolicy
}

const selectPolicy = (db: Db, environmentId: string) =>
  db
    .selectFrom('environment_policies')
    .select(environmentPolicyColumns)
    .where('environment_id', '=', environmentId)
    .executeTakeFirst()

/** Sets the tool policy of an environment. Recorded in the audit log. Other nodes apply it within a second. */
export async function setEnvironmentPolicy(
  context: Pick<EnvironmentsContext, 'db' | 'bindingKey' | 'log' | 'actor'>,
  environmentId: string,
  toolPolicy: ToolPolicy,
): Promise<ToolPolicy> {
  const policy = storedToolPolicy(toolPolicy)
  const binding = bindingOf(context.bindingKey, 'environment_policies', [environmentId, policy])
  await context.db.transaction().execute(async (trx) => {
    // Two changes at once wait for each other, so that the audit log has them in their order.
    await trx.selectFrom('environments').select('id').where('id', '=', environmentId).forNoKeyUpdate().execute()
    const before = await selectPolicy(trx, environmentId)
    await trx
      .insertInto('environment_policies')
      .values({ environment_id: environmentId, policy, binding })
      .onConflict((conflict) => conflict.column('environment_id').doUpdateSet({ policy, binding }))
      .execute()
    await recordAudit(trx, context.actor, {
      environmentId,
      action: 'tool_policy.changed',
      target: `Environment:${environmentId}`,
      before: before ? policyOf(context, environmentId, before) : noToolPolicy,
      after: toolPolicy,
    })
  })
  return toolPolicy
}
