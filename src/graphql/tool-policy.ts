import type { InputFieldBuilder } from '@pothos/core'
import { setOAuthAppPolicy } from '../accounts/changed-app.ts'
import { findOAuthApp } from '../accounts/oauth-app-store.ts'
import { readEnvironmentPolicy, setEnvironmentPolicy } from '../environments/environment-policy.ts'
import {
  type ApprovalRule,
  approvalRules,
  noToolPolicy,
  parseToolPolicy,
  type ToolPolicy,
} from '../environments/tool-policy.ts'
import { InvalidInputError, OAuthAppNotFoundError } from '../errors.ts'
import { checkInput, inputRules, toolPolicyRules } from '../input-rules.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import type { GraphQLContext } from './context.ts'
import { describedEnum } from './described-enum.ts'
import { ruled } from './input-fields.ts'
import { viewerOf } from './viewer.ts'

const ApprovalRuleRef = describedEnum<ApprovalRule>(
  'ApprovalRule',
  'Calls that need the approval of a person.',
  approvalRules,
)

/** The GraphQL type of a tool policy. */
export const ToolPolicyRef = builder.objectRef<ToolPolicy>('ToolPolicy').implement({
  description:
    'Which tools may be called, and which calls need the approval of a person. An environment, an OAuth app and an API key have one each; a call must satisfy all three.',
  fields: (t) => ({
    toolNames: t.stringList({
      nullable: true,
      description:
        'Tools that may be called. Null if it does not restrict them; empty if it was changed in the database.',
      resolve: ({ toolNames }) => toolNames?.slice() ?? null,
    }),
    readOnly: t.boolean({
      description: 'Whether only tools that read may be called.',
      resolve: ({ readOnly }) => readOnly ?? false,
    }),
    denyDestructive: t.boolean({
      description: 'Whether tools that can replace or remove existing content are refused.',
      resolve: ({ denyDestructive }) => denyDestructive ?? false,
    }),
    requireApprovalFor: t.field({
      type: ApprovalRuleRef,
      nullable: true,
      description: 'Calls that need an approval. Null for only those of requireApprovalToolNames.',
      resolve: ({ requireApprovalFor }) => requireApprovalFor,
    }),
    requireApprovalToolNames: t.stringList({
      nullable: true,
      description: 'Tools whose calls need an approval as well. Null for none.',
      resolve: ({ requireApprovalToolNames }) => requireApprovalToolNames?.slice() ?? null,
    }),
  }),
})

/** Makes the fields of an input. */
export type PolicyInputBuilder = InputFieldBuilder<(typeof builder)['$inferSchemaTypes'], 'InputObject'>

/** The fields of an input that sets a tool policy. */
export const policyInputs = (t: PolicyInputBuilder) => ({
  toolNames: t.stringList(ruled(inputRules.permittedToolNames, 'Tools that may be called.')),
  readOnly: t.boolean({ description: 'Whether only tools that read may be called.' }),
  denyDestructive: t.boolean({
    description: 'Whether tools that can replace or remove existing content are refused.',
  }),
  requireApprovalFor: t.field({ type: ApprovalRuleRef, description: 'Calls that need the approval of a person.' }),
  requireApprovalToolNames: t.stringList(
    ruled(inputRules.permittedToolNames, 'Tools whose calls need the approval of a person as well.'),
  ),
})

/** What {@link policyInputs} take. */
interface PolicyInput {
  readonly toolNames?: readonly string[] | null | undefined
  readonly readOnly?: boolean | null | undefined
  readonly denyDestructive?: boolean | null | undefined
  readonly requireApprovalFor?: ApprovalRule | null | undefined
  readonly requireApprovalToolNames?: readonly string[] | null | undefined
}

/**
 * Throws an InvalidInputError for tools that do not exist. A mistyped name among those that must be approved would protect
 * nothing, and the only one among those that may be called would permit nothing.
 */
export function requireKnownTools(
  { tools }: Pick<GraphQLContext, 'tools'>,
  lists: Pick<PolicyInput, 'requireApprovalToolNames' | 'toolNames'>,
): void {
  const issues = (['toolNames', 'requireApprovalToolNames'] as const).flatMap((field) =>
    (lists[field] ?? []).flatMap((name, index) =>
      tools.catalogue.find(name) ? [] : [{ path: `${field}.${index}`, message: 'must be the name of a tool' }],
    ),
  )
  if (issues.length > 0) throw new InvalidInputError(issues)
}

function policyOfInput(input: PolicyInput): ToolPolicy {
  const policy: ToolPolicy = {
    ...noToolPolicy,
    toolNames: input.toolNames?.slice() ?? null,
    readOnly: input.readOnly || null,
    denyDestructive: input.denyDestructive || null,
    requireApprovalFor: input.requireApprovalFor ?? null,
    requireApprovalToolNames: input.requireApprovalToolNames?.slice() ?? null,
  }
  checkInput(toolPolicyRules, policy)
  return policy
}

const ofConnection = ruled(
  inputRules.connectionName,
  'Connection name of the OAuth app whose policy it is. Default: the policy of the environment.',
)

builder.queryField('toolPolicy', (t) =>
  t.field({
    type: ToolPolicyRef,
    nullable: true,
    description:
      'Tool policy of the environment, or of an OAuth app. Null if no OAuth app has the connection name. That of an API key is in ApiKey.toolPolicy.',
    authScopes: access('Query.toolPolicy'),
    args: { connectionName: t.arg.string(ofConnection) },
    resolve: async (_root, { connectionName }, context) => {
      const { environmentId } = viewerOf(context)
      if (connectionName == null) return readEnvironmentPolicy(context.environments, environmentId)
      const app = await findOAuthApp(context.accounts.db, environmentId, connectionName)
      return app && parseToolPolicy(app.toolPolicy)
    },
  }),
)

const SetToolPolicyPayload = builder.simpleObject('SetToolPolicyPayload', {
  description: 'New tool policy.',
  fields: (t) => ({ toolPolicy: t.field({ type: ToolPolicyRef, description: 'The policy as it is from now on.' }) }),
})

builder.mutationField('setToolPolicy', (t) =>
  t.fieldWithInput({
    type: SetToolPolicyPayload,
    description:
      'Replaces the tool policy of the environment, or of an OAuth app. Fields that are not set do not restrict. Applies to all nodes within a second. For an API key, use narrowApiKey.',
    authScopes: access('Mutation.setToolPolicy'),
    errors: { types: [InvalidInputError, OAuthAppNotFoundError] },
    typeOptions: { description: 'The whole policy.' },
    input: { connectionName: t.input.string(ofConnection), ...policyInputs(t.input) },
    resolve: async (_root, { input }, context) => {
      const { environmentId } = viewerOf(context)
      requireKnownTools(context, input)
      const toolPolicy = policyOfInput(input)
      if (input.connectionName == null) {
        await setEnvironmentPolicy(context.environments, environmentId, toolPolicy)
        context.environments.credentials.forget(environmentId)
      } else await setOAuthAppPolicy(context.accounts, environmentId, input.connectionName, toolPolicy)
      return { toolPolicy }
    },
  }),
)
