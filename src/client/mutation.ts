import { type FailureFields, toError } from './errors.ts'
import type { Transport } from './transport.ts'
import type { ToolResult } from './types.ts'

/** What a client reads of every error. */
export const errorFields = '...on Error{message}'
const issueFields = '{issues{path message}}'
/** The same, where the input can be invalid. */
export const inputErrorFields = `${errorFields}...on InvalidInputError ${issueFields}`

/** What a client reads of the errors of a tool call. */
const toolErrorFields = `...on ToolError{message hint retryable retryAfterMs userAction failedExecution:execution{id}}...on InvalidToolInputError ${issueFields}...on ApprovalRequiredError{approvalId approvalUrl summary expiresAt}...on ToolNotAllowedError{policy}`

/** The result of a field: its payload, or an error. */
export type Outcome<Payload> = (Payload & { readonly __typename: string }) | FailureFields

/** Runs a mutation field whose result is a union of its payload and errors. Throws the error. */
export async function mutate<Payload>(
  transport: Transport,
  call: {
    readonly field: string
    /** Default: that of the field's own name. */
    readonly payloadType?: string
    readonly input: object
    readonly payload: string
    readonly failure?: string
    readonly signal?: AbortSignal | undefined
    /** Whether it has an effect each time. Default: false. */
    readonly once?: boolean | undefined
  },
): Promise<Payload> {
  const { field, payload, failure = errorFields } = call
  const type = field[0]?.toUpperCase() + field.slice(1)
  const payloadType = call.payloadType ?? `${type}Payload`
  const selection = `__typename...on ${payloadType}{${payload}} ${failure}`
  const answer = await transport.request<Record<string, Outcome<Payload>>>({
    document: `mutation ${type}($input:${type}Input!){${field}(input:$input){${selection}}}`,
    variables: { input: call.input },
    signal: call.signal,
    once: call.once,
  })
  const { __typename, ...fields } = answer[field] as Outcome<Payload>
  if (__typename !== payloadType) throw toError(answer[field] as FailureFields)
  return fields as Payload
}

/** Runs a mutation field that returns the result of a tool call. Throws a ToolError. */
export function runTool<Data>(
  transport: Transport,
  call: Pick<Parameters<typeof mutate>[1], 'field' | 'input' | 'signal' | 'once'>,
): Promise<ToolResult<Data>> {
  return mutate(transport, {
    ...call,
    payloadType: 'ExecuteToolPayload',
    payload: 'data execution { id durationMs }',
    failure: toolErrorFields,
  })
}
