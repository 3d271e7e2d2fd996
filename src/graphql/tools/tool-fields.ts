import './execute-tool.ts'
import './tool-approvals.ts'
import type { GraphQLResolveInfo } from 'graphql'
import { InvalidToolInputError, ProviderError, ToolError } from '../../errors.ts'
import { inputRules } from '../../input-rules.ts'
import { modelSchema, schemaDialects } from '../../tools/json-schema.ts'
import { type AnyTool, possibleErrors, type ToolCatalogue } from '../../tools/tool.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import type { GraphQLContext } from '../context.ts'
import { connectionNameField, identifierField, ruled } from '../input-fields.ts'
import { type ToolInputType, toolInputType } from './input-type.ts'
import { noteOrigin } from './linked-object.ts'
import { camelCase, pascalCase } from './names.ts'
import { type ResultField, resultFields, type ToolTypes } from './result-type.ts'
import { runTool } from './run-tool.ts'
import { type ShownExecution, ToolExecutionRef } from './tool-execution.ts'

/** The result of a typed field: the result of the tool and the journal entry. */
interface ToolPayload {
  readonly result: Readonly<Record<string, unknown>>
  readonly execution: ShownExecution
}

/**
 * Adds a typed field for each tool: to Query for tools that read, where a document may have several that run in parallel,
 * and to Mutation for the others. Throws at start-up for definitions that GraphQL or models cannot express.
 */
export function addToolFields(catalogue: ToolCatalogue): void {
  const types: ToolTypes = { enums: new Map(), named: new Map() }
  for (const tool of catalogue.tools) {
    for (const dialect of schemaDialects) modelSchema(tool, dialect)
    const input = toolInputType(tool, types.enums)
    const payload = payloadType(tool, catalogue, types)
    if (tool.readOnly) addReadField(tool, input, payload)
    else addWriteField(tool, input, payload)
  }
}

type Payload = ReturnType<typeof payloadType>

function addReadField(tool: AnyTool, input: ToolInputType, payload: Payload): void {
  builder.queryField(camelCase(tool.name), (t) =>
    t.field({
      type: payload,
      description: tool.description,
      authScopes: access('tool that reads'),
      errors: { types: [...possibleErrors(tool)] },
      complexity: 20,
      args: {
        connectionName: t.arg.string({ ...connectionNameField, defaultValue: tool.connector }),
        identifier: t.arg.string(identifierField),
        ...inputArg(t.arg, input),
      },
      resolve: (_root, args, context, info) => {
        noteOrigin(context, info, args)
        return runTypedTool(tool, input, { ...args, idempotencyKey: null }, context)
      },
    }),
  )
}

function addWriteField(tool: AnyTool, input: ToolInputType, payload: Payload): void {
  builder.mutationField(camelCase(tool.name), (t) =>
    t.field({
      type: payload,
      description: tool.description,
      authScopes: access('tool that writes'),
      errors: { types: [...possibleErrors(tool)] },
      complexity: 20,
      args: {
        connectionName: t.arg.string({ ...connectionNameField, defaultValue: tool.connector }),
        identifier: t.arg.string(identifierField),
        idempotencyKey: t.arg.string(
          ruled(
            inputRules.idempotencyKey,
            'A call with the same key and the same input returns the stored result and writes nothing. With another input it fails with IdempotencyConflictError. Stored for 24 hours.',
          ),
        ),
        ...inputArg(t.arg, input),
      },
      resolve: (_root, args, context, info) => {
        noteOrigin(context, info, args)
        return runTypedTool(tool, input, { ...args, idempotencyKey: args.idempotencyKey ?? null }, context)
      },
    }),
  )
}

type ArgBuilder = Parameters<Parameters<typeof builder.queryField>[1]>[0]['arg']

function inputArg(arg: ArgBuilder, { ref }: ToolInputType) {
  return ref === null ? {} : { input: arg({ type: ref, required: true, description: 'Input of the tool.' }) }
}

async function runTypedTool(
  tool: AnyTool,
  input: ToolInputType,
  args: {
    readonly connectionName: string
    readonly identifier: string
    readonly idempotencyKey: string | null
    readonly input?: unknown
  },
  context: GraphQLContext,
): Promise<ToolPayload> {
  try {
    const outcome = await runTool(context, camelCase(tool.name), {
      connectionName: args.connectionName,
      identifier: args.identifier,
      toolName: tool.name,
      toolInput: input.toToolInput(args.input ?? {}),
      idempotencyKey: args.idempotencyKey,
      outputFormat: 'RAW',
    })
    return { result: tool.toResult(outcome.body, outcome.input), execution: outcome.execution }
  } catch (error) {
    if (!(error instanceof InvalidToolInputError)) throw asPossible(tool, error)
    // The caller used GraphQL names, so the paths of the issues use them too.
    const issues = error.issues.map((issue) => ({ ...issue, path: input.toFieldPath(issue.path) }))
    const renamed = new InvalidToolInputError(issues, error.hint)
    renamed.executionId = error.executionId
    throw renamed
  }
}

/** Returns a ProviderError for an error that the tool does not declare, since its union has no such member. */
function asPossible(tool: AnyTool, error: unknown): unknown {
  if (!(error instanceof ToolError) || possibleErrors(tool).some((possible) => error instanceof possible)) return error
  const { message, hint, retryable, retryAfterMs } = error
  const provider = new ProviderError(message, { status: null, code: null, hint, retryable, retryAfterMs })
  provider.executionId = error.executionId
  return provider
}

function payloadType(tool: AnyTool, catalogue: ToolCatalogue, types: ToolTypes) {
  const fields: Readonly<Record<string, ResultField>> = resultFields(tool, catalogue, types)
  if (Object.hasOwn(fields, 'execution')) throw new Error(`${tool.name}.result: the key execution is reserved.`)
  return builder.objectRef<ToolPayload>(`${pascalCase(tool.name)}Payload`).implement({
    description: `Result of ${tool.name}.`,
    fields: (t) => ({
      ...(Object.fromEntries(
        Object.entries(fields).map(([name, { type, nullable, description, value }]) => [
          name,
          t.field({
            type,
            nullable,
            description,
            resolve: ({ result }: ToolPayload, _args: unknown, context: GraphQLContext, info: GraphQLResolveInfo) =>
              value(result, context, info),
          } as never),
        ]),
      ) as Record<string, never>),
      execution: t.field({
        type: ToolExecutionRef,
        nullable: true,
        description:
          'Journal entry of the call. Never null; nullable so that one document can select it on payloads and errors.',
        resolve: ({ execution }) => execution,
      }),
    }),
  })
}
