import {
  type FieldNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql'
import type { ToolCatalogue } from '../../tools/tool.ts'
import { camelCase } from './names.ts'

/**
 * Returns the validation rule that a mutation runs at most one tool. Root fields of a mutation run one after the other,
 * and an error of one does not stop the others (GraphQL specification, section 6.2.2). A document with several writes
 * would let an agent write several times without seeing a result, and one request could take the time of many calls.
 */
export function oneToolPerMutation(catalogue: ToolCatalogue): ValidationRule {
  const toolFields = new Set([
    'executeTool',
    'approveToolExecution',
    ...catalogue.tools.filter((tool) => !tool.readOnly).map((tool) => camelCase(tool.name)),
  ])
  return (context) => ({
    OperationDefinition(operation) {
      if (operation.operation !== OperationTypeNode.MUTATION) return
      const calls = rootFields(context, operation).filter((field) => toolFields.has(field.name.value))
      // Fields of one response name are one field: validation ensures that they are the same.
      const names = new Set(calls.map((field) => field.alias?.value ?? field.name.value))
      if (names.size <= 1) return
      context.reportError(
        new GraphQLError(
          `A mutation must run at most one tool, not ${names.size}. Send the calls one after the other.`,
          {
            nodes: calls,
            extensions: { code: 'BAD_USER_INPUT' },
          },
        ),
      )
    },
  })
}

function rootFields(context: ValidationContext, operation: OperationDefinitionNode): readonly FieldNode[] {
  const spread = new Set<string>()
  const collect = (selections: SelectionSetNode): readonly FieldNode[] =>
    selections.selections.flatMap((selection) => {
      if (selection.kind === Kind.FIELD) return [selection]
      if (selection.kind === Kind.INLINE_FRAGMENT) return collect(selection.selectionSet)
      const name = selection.name.value
      if (spread.has(name)) return []
      spread.add(name)
      const fragment = context.getFragment(name)
      return fragment ? collect(fragment.selectionSet) : []
    })
  return collect(operation.selectionSet)
}
