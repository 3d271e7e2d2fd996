import {
  AndNode,
  BinaryOperationNode,
  ColumnNode,
  type OperationNode,
  OperationNodeTransformer,
  ReferenceNode,
  ValueNode,
  WhereNode,
} from 'kysely'
import type { Db } from '../../src/db/database.ts'

/**
 * A database handle whose queries do not restrict to an environment: as if every store had forgotten its filter. Every
 * `environment_id = …` of a WHERE clause becomes `true`.
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
  if (BinaryOperationNode.is(node) && ReferenceNode.is(node.leftOperand)) {
    const { column } = node.leftOperand
    if (ColumnNode.is(column) && column.column.name === 'environment_id') return ValueNode.createImmediate(true)
  }
  return node
}
