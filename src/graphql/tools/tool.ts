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
  description: 'Operation of a connector on an account. Run it with executeTool, or with the field of its name.',
  fields: (t) => ({
    name: t.string({
      description: 'Name, such as notion_data_fetch or notion_page_create.',
      resolve: (tool) => tool.name,
    }),
    title: t.string({ description: 'Name for people.', resolve: (tool) => tool.title }),
    description: t.string({ description: 'Description for the model.', resolve: (tool) => tool.description }),
    readOnly: t.boolean({ description: 'Whether the tool only reads.', resolve: (tool) => tool.readOnly }),
    destructive: t.boolean({
      description: 'Whether the tool can replace or remove existing content.',
      resolve: (tool) => tool.destructive,
    }),
    requiredCapabilities: t.field({
      type: [CapabilityRef],
      description: 'Capabilities that must be switched on for the OAuth app at the provider.',
      resolve: (tool) => [...tool.requiredCapabilities],
    }),
    requiredScopes: t.stringList({
      description: 'OAuth scopes that the account must have been granted.',
      resolve: (tool) => [...(tool.requiredScopes ?? [])],
    }),
    inputSchema: t.field({
      type: 'JSONObject',
      description: 'JSON Schema of the input. OpenAI strict mode, Anthropic and Gemini accept it unchanged.',
      resolve: (tool) => modelSchema(tool),
    }),
    outputSchema: t.field({
      type: 'JSONObject',
      description: 'JSON Schema of the result in the format RAW.',
      resolve: (tool) => outputSchema(tool),
    }),
  }),
})

const ToolSetRef = describedEnum<'DEFAULT' | 'ALL'>('ToolSet', 'Selection of tools.', {
  DEFAULT: 'Tools that an agent needs first: search, pages, databases and comments.',
  ALL: 'All tools. Their definitions take more tokens.',
})

const ToolFilterRef = builder.inputType('ToolFilter', {
  description: 'Restricts a list of tools. A tool must match every given field.',
  fields: (t) => ({
    connectionName: t.string(
      ruled(inputRules.connectionName, 'Tools of the connector of the OAuth app with this connection name.'),
    ),
    names: t.stringList(ruled(inputRules.toolNames, 'Tools with these names, in any set.')),
    readOnly: t.boolean({ description: 'True for tools that only read, false for tools that write.' }),
    set: t.field({ type: ToolSetRef, required: true, defaultValue: 'DEFAULT', description: 'Set to select from.' }),
  }),
})

builder.queryFields((t) => ({
  tools: t.field({
    type: [ToolRef],
    description: 'Tools, in the recommended order for a model.',
    authScopes: access('Query.tools'),
    args: { filter: t.arg({ type: ToolFilterRef, description: 'Restricts the list. Default: the set DEFAULT.' }) },
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
    description: 'Tool with this name. Null when it is unknown.',
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
    description: 'All tools of the connector.',
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
  description: 'Tool with its availability for one account.',
  fields: (t) => ({
    tool: t.field({ type: ToolRef, description: 'Tool.', resolve: ({ tool }) => tool }),
    available: t.boolean({
      description: 'Whether the tool can work for the account, as far as is known without a request to the provider.',
      resolve: ({ tool, account }) => unavailableReason(tool, account) === null,
    }),
    unavailableReason: t.string({
      nullable: true,
      description: 'Reason for a person. Null when the tool is available.',
      resolve: ({ tool, account }) => unavailableReason(tool, account),
    }),
  }),
})

builder.objectField(ConnectedAccountRef, 'tools', (t) =>
  t.field({
    type: [AccountToolRef],
    description: 'All tools of the connector with their availability for this account.',
    complexity: { field: 1, multiplier: 1 },
    resolve: (account, _args, { tools }) =>
      selectTools(tools.catalogue, { connector: account.connector, set: 'ALL' }).map((tool) => ({ tool, account })),
  }),
)
