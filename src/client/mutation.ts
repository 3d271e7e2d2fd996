import { type FailureFields, toError, toolErrorParts } from './errors.ts'
import type { RequestOptions, Transport } from './transport.ts'
import type { ToolResult } from './types.ts'

/** What a client reads of every error. */
export const errorFields = '...on Error{message}'
/** The same, where the input can be invalid. */
export const inputErrorFields = `${errorFields}...on InvalidInputError{issues{path message}}`

/** What a client reads of the errors of a tool call. */
const toolErrorFields = `...on ToolError{message hint retryable retryAfterMs userAction failedExecution:execution{id}}${toolErrorParts}`

/** The result of a field: its payload, or an error. */
export type Outcome<Payload> = (Payload & { readonly __typename: string }) | FailureFields

/** How a mutation field is run. */
export interface MutationOptions extends RequestOptions {
  /** What is read of its errors. Default: {@link errorFields}. */
  readonly failure?: string | undefined
  /** Default: that of the field's own name. */
  readonly payloadType?: string
}

/** Runs a mutation field whose result is a union of its payload and errors. Throws the error. */
export async function mutate<Payload>(
  transport: Transport,
  field: string,
  input: object,
  payload: string,
  options: MutationOptions = {},
): Promise<Payload> {
  const type = field[0]?.toUpperCase() + field.slice(1)
  const { failure = errorFields, payloadType = `${type}Payload` } = options
  const selection = `__typename...on ${payloadType}{${payload}}${failure}`
  const outcome = await transport.request<Outcome<Payload>>(
    `mutation ${type}($input:${type}Input!){${field}(input:$input){${selection}}}`,
    { input },
    options,
  )
  const { __typename, ...fields } = outcome
  if (__typename !== payloadType) throw toError(outcome as FailureFields)
  return fields as Payload
}

/** {@link mutate} for a payload with one object. Returns the object. */
export async function mutateObject<Value>(
  transport: Transport,
  field: string,
  input: object,
  name: string,
  selection: string,
  options?: MutationOptions,
): Promise<Value> {
  const payload = await mutate<Record<string, Value>>(transport, field, input, `${name}{${selection}}`, options)
  return payload[name] as Value
}

/** Returns a payload with its time as a date. */
export const dated = <Payload extends { readonly expiresAt: string }>(payload: Payload) => ({
  ...payload,
  expiresAt: new Date(payload.expiresAt),
})

/** Runs a mutation field that returns the result of a tool call. Throws a ToolError. */
export function runTool<Data>(
  transport: Transport,
  field: string,
  input: object,
  options?: RequestOptions,
): Promise<ToolResult<Data>> {
  const payloadType = 'ExecuteToolPayload'
  return mutate(transport, field, input, 'data execution{id durationMs}', {
    ...options,
    payloadType,
    failure: toolErrorFields,
  })
}
