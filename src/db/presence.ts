import { randomInt } from 'node:crypto'

/** The class of advisory locks that `is_node_gone` of the migrations looks into. */
const lockClass = 1_986_096_235

/** An id for this process among all that share a database. */
export const newNodeId = (): number => randomInt(1, 2 ** 31 - 1)

/**
 * The statement by which a session says that the node lives. The lock is shared, so that a node which reconnects before
 * Postgres has noticed the end of its old session waits for nothing.
 */
export const presenceOf = (nodeId: number): string => `select pg_advisory_lock_shared(${lockClass}, ${nodeId})`
