import * as z from 'zod'

const names = z.array(z.string()).min(1).nullable().default(null)
const flag = z.literal(true).nullable().default(null)

/** Which calls need the approval of a person, besides those of tools that are named. The GraphQL enum is made from this. */
export const approvalRules = {
  DESTRUCTIVE: 'Calls of tools that can replace or remove existing content.',
  WRITES: 'Calls of all tools that write.',
} as const

export type ApprovalRule = keyof typeof approvalRules

/** The fields of a tool policy, as they are stored. */
export const toolPolicyShape = {
  toolNames: names,
  readOnly: flag,
  denyDestructive: flag,
  requireApprovalFor: z
    .enum(Object.keys(approvalRules) as [ApprovalRule, ...ApprovalRule[]])
    .nullable()
    .default(null),
  requireApprovalToolNames: names,
} as const

/** Strict: what a newer release restricts in another way must not be read as fewer restrictions. */
const schema = z.strictObject(toolPolicyShape)

/**
 * Which tools may be called, and which calls need an approval. A null field does not restrict. Environments, OAuth apps and
 * API keys have one each; a call must satisfy all three.
 */
export type ToolPolicy = Readonly<z.output<typeof schema>>

/** Each field of a {@link ToolPolicy}. */
const toolPolicyFields = Object.keys(toolPolicyShape) as readonly (keyof ToolPolicy)[]

/** Restricts nothing. */
export const noToolPolicy: ToolPolicy = schema.parse({})

/** Permits nothing: instead of a policy that is not readable, or that another program than this server wrote. */
export const denyingToolPolicy: ToolPolicy = { ...noToolPolicy, toolNames: [] }

/** What a policy decides by. */
export interface GovernedTool {
  readonly name: string
  readonly readOnly: boolean
  readonly destructive: boolean
}

/** Returns a stored policy; one that permits nothing if this release cannot read it. */
export function parseToolPolicy(stored: string | null): ToolPolicy {
  if (stored === null) return noToolPolicy
  try {
    return schema.parse(JSON.parse(stored))
  } catch {
    return denyingToolPolicy
  }
}

/** Returns the JSON to store, always the same for the same policy. */
export const storedToolPolicy = (policy: ToolPolicy): string =>
  JSON.stringify(
    Object.fromEntries(toolPolicyFields.flatMap((field) => (policy[field] ? [[field, policy[field]]] : []))),
  )

/** Whether a policy restricts anything. */
export const restricts = (policy: ToolPolicy): boolean => toolPolicyFields.some((field) => policy[field] !== null)

/** Returns the field of a policy that refuses a tool; null if none does. */
export function refusingField(policy: ToolPolicy, { name, readOnly, destructive }: GovernedTool) {
  if (policy.toolNames?.includes(name) === false) return 'toolNames'
  if (policy.readOnly && !readOnly) return 'readOnly'
  return policy.denyDestructive && destructive ? 'denyDestructive' : null
}

/** Whether a policy requires an approval for each call of a tool. */
export const needsApproval = (policy: ToolPolicy, { name, readOnly, destructive }: GovernedTool): boolean =>
  (policy.requireApprovalToolNames?.includes(name) ?? false) ||
  (policy.requireApprovalFor === 'WRITES' && !readOnly) ||
  (policy.requireApprovalFor === 'DESTRUCTIVE' && destructive)

/** How many calls a rule concerns. */
const breadth = (rule: ApprovalRule | null) => (rule === null ? 0 : rule === 'DESTRUCTIVE' ? 1 : 2)

/** Returns the fields in which a policy restricts less than another one, apart from `toolNames`. */
export function laxerFields(inner: ToolPolicy, outer: ToolPolicy): readonly (keyof ToolPolicy)[] {
  const laxer: (keyof ToolPolicy)[] = []
  for (const field of ['readOnly', 'denyDestructive'] as const) if (outer[field] && !inner[field]) laxer.push(field)
  if (breadth(inner.requireApprovalFor) < breadth(outer.requireApprovalFor)) laxer.push('requireApprovalFor')
  if (!(outer.requireApprovalToolNames ?? []).every((name) => inner.requireApprovalToolNames?.includes(name)))
    laxer.push('requireApprovalToolNames')
  return laxer
}
