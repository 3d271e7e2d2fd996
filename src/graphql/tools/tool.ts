import type { ConnectedAccount } from '../../accounts/connected-account.ts'
import { findOAuthApp } from '../../accounts/oauth-app-store.ts'
import { inputRules } from '../../input-rules.ts'
import { unavailableReason } from '../../tools/capability-check.ts'
import { selectTools } from '../../tools/catalogue.ts'
import { modelSchema, outputSchema } from '../../tools/json-schema.ts'
import type { AnyTool } from '../../tools/tool.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import { ConnectedAccountRef } from '../connected-account.ts'
import { describedEnum } from '../described-enum.ts'
import { ruled } from '../input-fields.ts'
import { CapabilityRef, ConnectorRef } from '../oauth-apps.ts'
import { viewerOf } from '../viewer.ts'

/** The GraphQL type of a tool. */
export const ToolRef = builder.objectRef<AnyTool>('Tool').implement({
  description:
    'Something that an agent can do with an account. Run it with executeTool, or with the field of its name.',
  fields: (t) => ({
    name: t.string({ description: 'notion_data_fetch, notion_page_create, …', resolve: (tool) => tool.name }),
    title: t.string({ description: 'The name for people.', resolve: (tool) => tool.title }),
    description: t.string({ description: 'For the model.', resolve: (tool) => tool.description }),
    readOnly: t.boolean({ description: 'Whether it changes nothing.', resolve: (tool) => tool.readOnly }),
    destructive: t.boolean({
      description: 'Whether it can take away something that is there.',
      resolve: (tool) => tool.destructive,
    }),
    requiredCapabilities: t.field({
      type: [CapabilityRef],
      description: 'What has to be switched on for the OAuth app at the provider.',
      resolve: (tool) => [...tool.requiredCapabilities],
    }),
    requiredScopes: t.stringList({
      description: 'The OAuth scopes that the account must have been granted.',
      resolve: (tool) => [...(tool.requiredScopes ?? [])],
    }),
    inputSchema: t.field({
      type: 'JSONObject',
      description: 'JSON Schema that OpenAI strict mode, Anthropic and Gemini accept as it is.',
      resolve: (tool) => modelSchema(tool),
    }),
    outputSchema: t.field({
      type: 'JSONObject',
      description: 'JSON Schema of the result in RAW.',
      resolve: (tool) => outputSchema(tool),
    }),
  }),
})

const ToolSetRef = describedEnum<'DEFAULT' | 'ALL'>('ToolSet', 'How many tools to hand out.', {
  DEFAULT: 'What an agent needs first: search, pages, databases and comments.',
  ALL: 'Every tool. Costs a model more tokens.',
})

const ToolFilterRef = builder.inputType('ToolFilter', {
  description: 'Only tools that fit every given field.',
  fields: (t) => ({
    connectionName: t.string(
      ruled(inputRules.connectionName, 'Tools of the connector of the OAuth app with this connection name.'),
    ),
    names: t.stringList(ruled(inputRules.toolNames, 'Tools with these names, in any set.')),
    readOnly: t.boolean({ description: 'true: those that only read; false: those that write.' }),
    set: t.field({ type: ToolSetRef, required: true, defaultValue: 'DEFAULT', description: 'From this set.' }),
  }),
})

builder.queryFields((t) => ({
  tools: t.field({
    type: [ToolRef],
    description: 'The tools, in the order in which they are best shown to a model.',
    authScopes: access('Query.tools'),
    args: { filter: t.arg({ type: ToolFilterRef, description: 'Only these; absent: the default set.' }) },
    complexity: { field: 1, multiplier: 1 },
    resolve: async (_root, { filter }, context) => {
      const { connectionName, ...selection } = filter ?? {}
      if (connectionName == null) return [...selectTools(context.tools.catalogue, selection)]
      const app = await findOAuthApp(context.accounts.db, viewerOf(context).environmentId, connectionName)
      return app ? [...selectTools(context.tools.catalogue, { ...selection, connector: app.connector })] : []
    },
  }),
  tool: t.field({
    type: ToolRef,
    nullable: true,
    description: 'The tool of this name. Null when there is none.',
    authScopes: access('Query.tool'),
    args: {
      name: t.arg.string({
        required: true,
        ...ruled(inputRules.toolName, 'Name of the tool, such as notion_data_fetch.'),
      }),
    },
    resolve: (_root, { name }, { tools }) => tools.catalogue.find(name) ?? null,
  }),
}))

builder.objectField(ConnectorRef, 'tools', (t) =>
  t.field({
    type: [ToolRef],
    description: 'All tools that work with its accounts.',
    complexity: { field: 1, multiplier: 1 },
    resolve: (connector, _args, { tools }) => [
      ...selectTools(tools.catalogue, { connector: connector.slug, set: 'ALL' }),
    ],
  }),
)

interface AccountToolModel {
  readonly tool: AnyTool
  readonly account: ConnectedAccount
}

const AccountToolRef = builder.objectRef<AccountToolModel>('AccountTool').implement({
  description: 'A tool, seen from one account.',
  fields: (t) => ({
    tool: t.field({ type: ToolRef, description: 'The tool.', resolve: ({ tool }) => tool }),
    available: t.boolean({
      description: 'Whether it can work for the account, as far as is known without asking the provider.',
      resolve: ({ tool, account }) => unavailableReason(tool, account) === null,
    }),
    unavailableReason: t.string({
      nullable: true,
      description: 'Why not, for a person; null when it is available.',
      resolve: ({ tool, account }) => unavailableReason(tool, account),
    }),
  }),
})

builder.objectField(ConnectedAccountRef, 'tools', (t) =>
  t.field({
    type: [AccountToolRef],
    description: 'Every tool with whether it can work for this account, and why not.',
    complexity: { field: 1, multiplier: 1 },
    resolve: (account, _args, { tools }) =>
      selectTools(tools.catalogue, { connector: account.connector, set: 'ALL' }).map((tool) => ({ tool, account })),
  }),
)
