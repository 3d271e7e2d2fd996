import { type ExecutionArgs, getOperationAST, Kind } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Tracing, Work } from '../telemetry/tracing.ts'

/**
 * Measures the execution of each operation. Spans are named by the fields of the schema that it selects first: the name of
 * an operation and its aliases are texts of the caller. A subscription is measured until its stream begins.
 */
export function traceOperations(tracing: Tracing): Plugin {
  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      setExecuteFn((input) =>
        tracing.span(workOf(args), async (span) => {
          const result = (await executeFn(input)) as { readonly errors?: readonly unknown[] }
          if (result.errors?.length) span.fail('GraphQLError')
          return result
        }),
      )
    },
    onSubscribe({ args, subscribeFn, setSubscribeFn }) {
      setSubscribeFn((input) => tracing.span(workOf(args), async () => subscribeFn(input)))
    },
  }
}

/** So that a document with hundreds of fields makes no long name. */
const maxNamed = 3

function workOf({ document, operationName }: Pick<ExecutionArgs, 'document' | 'operationName'>): Work {
  const operation = getOperationAST(document, operationName)
  const type = operation?.operation ?? 'query'
  const fields = operation?.selectionSet.selections.flatMap((one) => (one.kind === Kind.FIELD ? [one.name.value] : []))
  const names = [...new Set(fields)].slice(0, maxNamed).join(' ')
  return {
    name: names === '' ? type : `${type} ${names}`,
    kind: 'internal',
    attributes: { 'graphql.operation.type': type, ...(names !== '' && { 'valetkey.graphql.fields': names }) },
  }
}
