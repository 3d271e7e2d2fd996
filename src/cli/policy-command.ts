import { setOAuthAppPolicy } from '../accounts/changed-app.ts'
import { operatorActor } from '../audit/audit-log.ts'
import { connectors } from '../connectors.ts'
import { noRowCache } from '../db/changed-rows.ts'
import { readEnvironmentPolicy, setEnvironmentPolicy } from '../environments/environment-policy.ts'
import { noToolPolicy, parseToolPolicy, storedToolPolicy, type ToolPolicy } from '../environments/tool-policy.ts'
import { checkInput, toolPolicyRules } from '../input-rules.ts'
import { createLog } from '../log.ts'
import { fetchFromProvider } from '../provider-http.ts'
import type { Store } from '../store.ts'
import { createToolCatalogue } from '../tools/catalogue.ts'
import type { Secret } from '../vault/secret.ts'
import { type Print, UsageError } from './command.ts'
import { requireConnection, requireEnvironment, unknownValues } from './known-names.ts'

/**
 * Throws a {@link UsageError} for tools that do not exist. A mistyped name among those that must be approved would protect
 * nothing, and the only one among those that may be called would permit nothing.
 */
export function requireKnownTools({ toolNames, requireApprovalToolNames }: Partial<ToolPolicy>): void {
  const runtime = { fetch: fetchFromProvider, now: () => 0 }
  const catalogue = createToolCatalogue(connectors.flatMap((connector) => connector.createTools(runtime)))
  const known = catalogue.tools.map(({ name }) => name)
  for (const [option, names] of [
    ['--tool', toolNames] as const,
    ['--approve-tool', requireApprovalToolNames] as const,
  ]) {
    const unknown = unknownValues(names ?? [], known)
    if (unknown) throw new UsageError(`${option} must be the name of a tool; ${unknown}`)
  }
}

/**
 * `environments policy`: prints the tool policy of an environment or of a connection; with restrictions or `clear`, sets it
 * first. Servers apply it within a second.
 */
export async function policyCommand(
  { database: { db } }: Store,
  bindingKey: Secret,
  print: Print,
  printError: Print,
  environment: string,
  options: {
    readonly connections: readonly string[]
    readonly policy: Partial<ToolPolicy>
    readonly clear: boolean
  },
): Promise<void> {
  const { connections, policy, clear } = options
  const [connection, ...others] = connections
  if (others.length > 0) throw new UsageError('--connection must be given at most once')
  const restricts = Object.keys(policy).length > 0
  if (restricts && clear) throw new UsageError('--clear must not be combined with restrictions')
  requireKnownTools(policy)
  const log = createLog('warn', { write: (line) => void printError(line) })
  const context = { db, bindingKey, log, actor: operatorActor, openAccounts: noRowCache }
  const environmentId = await requireEnvironment(db, environment)
  const named = { id: environmentId, name: environment }
  if (connection !== undefined) await requireConnection(db, named, connection)
  const wanted = { ...noToolPolicy, ...policy }
  checkInput(toolPolicyRules, wanted)
  if (restricts || clear)
    await (connection === undefined
      ? setEnvironmentPolicy(context, environmentId, wanted)
      : setOAuthAppPolicy(context, environmentId, connection, wanted))
  if (connection === undefined) {
    print(storedToolPolicy(await readEnvironmentPolicy(context, environmentId)))
    return
  }
  print(storedToolPolicy(parseToolPolicy((await requireConnection(db, named, connection)).toolPolicy)))
}
