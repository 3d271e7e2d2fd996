import {
  AndNode,
  BinaryOperationNode,
  ColumnNode,
  type OperationNode,
  OperationNodeTransformer,
  RawNode,
  ReferenceNode,
  ValueNode,
  WhereNode,
} from 'kysely'
import type { Db } from '../../src/db/database.ts'

/**
 * A database handle whose queries do not restrict to an environment: as if every store had forgotten its filter. Every
 * `environment_id = …` and every `inEnvironment` of a WHERE clause becomes `true`.
 */
export function withoutEnvironmentFilter(db: Db): Db {
  const transformer = new (class extends OperationNodeTransformer {
    protected override transformWhere(node: WhereNode, queryId?: never): WhereNode {
      const where = super.transformWhere(node, queryId as never)
      return WhereNode.create(withoutFilter(where.where))
    }
  })()
  return db.withPlugin({
    transformQuery: ({ node }) => transformer.transformNode(node),
    transformResult: async ({ result }) => result,
  })
}

function withoutFilter(node: OperationNode): OperationNode {
  if (AndNode.is(node)) return AndNode.create(withoutFilter(node.left), withoutFilter(node.right))
  const compared = BinaryOperationNode.is(node) ? node.leftOperand : RawNode.is(node) ? node.parameters[0] : undefined
  return compared !== undefined && isEnvironment(compared) ? ValueNode.createImmediate(true) : node
}

function isEnvironment(node: OperationNode): boolean {
  if (RawNode.is(node)) return node.parameters.length === 1 && node.parameters.every(isEnvironment)
  return ReferenceNode.is(node) && ColumnNode.is(node.column) && node.column.column.name === 'environment_id'
}
