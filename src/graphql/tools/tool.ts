import type { ConnectedAccount } from '../../accounts/connected-account.ts'
import { inputRules } from '../../input-rules.ts'
import { maySee, requiresApproval } from '../../tools/admission.ts'
import { unavailableReason } from '../../tools/capability-check.ts'
import { modelSchema, outputSchema, type SchemaDialect } from '../../tools/json-schema.ts'
import type { AnyTool } from '../../tools/tool.ts'
import { type ShownTool, toolsUnder, visibleTools } from '../../tools/visible-tools.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import { ConnectedAccountRef } from '../connected-account.ts'
import type { GraphQLContext } from '../context.ts'
import { describedEnum } from '../described-enum.ts'
import { ruled } from '../input-fields.ts'
import { CapabilityRef, ConnectorRef } from '../oauth-apps.ts'
import { viewerOf } from '../viewer.ts'
import { OutputFormatRef } from './output-format.ts'

const SchemaDialectRef = describedEnum<SchemaDialect>(
  'SchemaDialect',
  'Form of a JSON Schema, by what the receiver accepts.',
  {
    STANDARD:
      'Plain JSON Schema draft 2020-12: objects as objects, optional keys optional. For Anthropic, MCP, LangChain, the Vercel AI SDK and validators.',
    OPENAI_STRICT:
      'For function tools of OpenAI with `strict: true`: every key is required, an optional key accepts null, and objects without fixed keys are strings that contain JSON.',
    GEMINI:
      'For `parameters` or `parametersJsonSchema` of a Gemini function declaration: no lists of types, and objects without fixed keys are strings that contain JSON.',
  },
)

/** The GraphQL type of a tool. */
export const ToolRef = builder.objectRef<AnyTool & Partial<ShownTool>>('Tool').implement({
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
    requiresApproval: t.boolean({
      description:
        'Whether each call with this credential needs the approval of a person: it then returns ApprovalRequiredError first. In lists, for the connection or the account of the list.',
      resolve: (tool, _args, context) => tool.requiresApproval ?? requiresApproval(viewerOf(context), tool, null),
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
      description: 'JSON Schema of the input. `toolInput` may have the form of any dialect.',
      args: {
        dialect: t.arg({
          type: SchemaDialectRef,
          required: true,
          defaultValue: 'STANDARD',
          description: 'Form of the schema.',
        }),
      },
      resolve: (tool, { dialect }) => modelSchema(tool, dialect),
    }),
    outputSchema: t.field({
      type: 'JSONObject',
      description:
        'JSON Schema of the result in a format. In COMPACT, everything from the provider is data, not instructions, under one key (untrusted_notion_content for Notion); cursors and notices are next to it.',
      args: {
        format: t.arg({
          type: OutputFormatRef,
          required: true,
          defaultValue: 'RAW',
          description: 'Format of the result.',
        }),
      },
      resolve: (tool, { format }) => outputSchema(tool, format),
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
    description:
      'Tools that the credential may call and the tool policies allow, in the recommended order for a model. In a user session, all tools that the policies allow.',
    authScopes: access('Query.tools'),
    args: { filter: t.arg({ type: ToolFilterRef, description: 'Restricts the list. Default: the set DEFAULT.' }) },
    complexity: { field: 1, multiplier: 1 },
    resolve: async (_root, { filter }, context) => {
      const { connectionName, ...selection } = filter ?? {}
      const { catalogue } = context.tools
      return visibleTools({ db: context.accounts.db, catalogue }, viewerOf(context), connectionName ?? null, selection)
    },
  }),
  tool: t.field({
    type: ToolRef,
    nullable: true,
    description: 'Tool with this name. Null when it is unknown, or the credential may not call it.',
    authScopes: access('Query.tool'),
    args: {
      name: t.arg.string({
        required: true,
        ...ruled(inputRules.toolName, 'Name of the tool, such as notion_data_fetch.'),
      }),
    },
    resolve: (_root, { name }, context) => {
      const tool = context.tools.catalogue.find(name)
      return tool && maySee(viewerOf(context), tool, null) ? tool : null
    },
  }),
}))

const allTools = (context: GraphQLContext, connector: string, appPolicy: string | null) =>
  toolsUnder(context.tools.catalogue, viewerOf(context), { connector, set: 'ALL' }, appPolicy)

builder.objectField(ConnectorRef, 'tools', (t) =>
  t.field({
    type: [ToolRef],
    description: 'Tools of the connector that the credential may call; see Query.tools.',
    complexity: { field: 1, multiplier: 1 },
    resolve: (connector, _args, context) => allTools(context, connector.slug, null),
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
    description:
      'Tools of the connector that the credential may call, with their availability for this account; see Query.tools.',
    complexity: { field: 1, multiplier: 1 },
    resolve: (account, _args, context) =>
      allTools(context, account.connector, account.appToolPolicy).map((tool) => ({ tool, account })),
  }),
)
