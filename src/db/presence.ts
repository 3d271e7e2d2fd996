import { randomInt } from 'node:crypto'

/** The class of advisory locks that `is_node_gone` of the migrations checks. */
const lockClass = 1_986_096_235

/** Returns a random id for this process among all that share a database. */
export const newNodeId = (): number => randomInt(1, 2 ** 31 - 1)

/**
 * Returns the statement with which a session shows that its node is alive: it holds an advisory lock. The lock is shared,
 * so that a node that reconnects before Postgres has noticed the end of its old session does not wait.
 */
export const presenceOf = (nodeId: number): string => `select pg_advisory_lock_shared(${lockClass}, ${nodeId})`
