import { inputRules } from '../../input-rules.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import { identifierField, ruled } from '../input-fields.ts'
import { OutputFormatRef } from './output-format.ts'
import { runTool } from './run-tool.ts'
import { toolErrorClasses } from './tool-errors.ts'
import { type ShownExecution, ToolExecutionRef } from './tool-execution.ts'

const ExecuteToolPayload = builder
  .objectRef<{ readonly data: unknown; readonly execution: ShownExecution }>('ExecuteToolPayload')
  .implement({
    description: 'Result of a tool call.',
    fields: (t) => ({
      data: t.field({
        type: 'JSON',
        description: "Result in the requested format. In RAW, the provider's response body.",
        resolve: ({ data }) => data,
      }),
      execution: t.field({
        type: ToolExecutionRef,
        nullable: true,
        description:
          'Journal entry of the call. Never null; nullable so that one document can select it on payloads and errors.',
        resolve: ({ execution }) => execution,
      }),
    }),
  })

/** The result of running a tool that is named by its caller, or by an approval. */
export const ExecuteToolResult = builder.errorUnion('ExecuteToolResult', {
  description: 'The payload, or the error that explains why there is none.',
  types: [ExecuteToolPayload, ...toolErrorClasses],
  // Errors are known by their class.
  resolveType: () => ExecuteToolPayload.name,
})

builder.mutationField('executeTool', (t) =>
  t.fieldWithInput({
    type: ExecuteToolResult,
    description:
      'Runs a tool for an account. A document may contain one such field, so that the caller sees the result of each write.',
    authScopes: access('Mutation.executeTool'),
    complexity: 20,
    typeOptions: { description: 'Tool, account and input of a call.' },
    input: {
      connectionName: t.input.string(
        ruled(
          inputRules.connectionName,
          "Connection name of the OAuth app. Default: the connection with the name of the tool's connector.",
        ),
      ),
      identifier: t.input.string(identifierField),
      toolName: t.input.string({
        required: true,
        ...ruled(inputRules.toolName, 'Name of the tool, such as notion_data_fetch.'),
      }),
      toolInput: t.input.field({
        type: 'JSONObject',
        required: true,
        description: 'Input as the model passed it. Checked before anything is sent.',
      }),
      idempotencyKey: t.input.string(
        ruled(
          inputRules.idempotencyKey,
          'A call with the same key and the same input returns the stored result and writes nothing. With another input it fails with IdempotencyConflictError. Stored for 24 hours. Ignored by tools that only read.',
        ),
      ),
      outputFormat: t.input.field({
        type: OutputFormatRef,
        required: true,
        defaultValue: 'RAW',
        description: 'Format of the result.',
      }),
    },
    resolve: (_root, { input }, context) =>
      runTool(context, 'executeTool', {
        ...input,
        connectionName: input.connectionName ?? null,
        idempotencyKey: input.idempotencyKey ?? null,
      }),
  }),
)
