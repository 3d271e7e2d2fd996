import { inputRules } from '../../input-rules.ts'
import type { OutputFormat } from '../../tools/tool.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import { describedEnum } from '../described-enum.ts'
import { identifierField, ruled } from '../input-fields.ts'
import { runTool } from './run-tool.ts'
import { toolErrorClasses } from './tool-errors.ts'
import { type ShownExecution, ToolExecutionRef } from './tool-execution.ts'

const OutputFormatRef = describedEnum<OutputFormat>('OutputFormat', 'How a result comes back.', {
  RAW: "The provider's JSON.",
  COMPACT: 'The same facts in far fewer tokens.',
  MARKDOWN: 'For a model to read.',
})

const ExecuteToolPayload = builder
  .objectRef<{ readonly data: unknown; readonly execution: ShownExecution }>('ExecuteToolPayload')
  .implement({
    description: 'What the tool gave.',
    fields: (t) => ({
      data: t.field({
        type: 'JSON',
        description: "The tool's result. In RAW it is the provider's response body.",
        resolve: ({ data }) => data,
      }),
      execution: t.field({
        type: ToolExecutionRef,
        description: 'The call in the journal.',
        resolve: ({ execution }) => execution,
      }),
    }),
  })

builder.mutationField('executeTool', (t) =>
  t.fieldWithInput({
    type: ExecuteToolPayload,
    description: 'Runs a tool for an account. One in a document: writes have to be seen one by one.',
    authScopes: access('Mutation.executeTool'),
    errors: { types: toolErrorClasses },
    complexity: 20,
    typeOptions: { description: 'Which tool, for whom, with what.' },
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
        description: 'What the model passed, as it is; it is checked here.',
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
        description: 'How the result comes back.',
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
