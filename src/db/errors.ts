/**
 * Whether a statement failed because a row that it references does not exist, or was deleted in the meantime.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html foreign_key_violation
 */
export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23503'
}

/**
 * Whether Postgres refused what a statement holds, and rolled it back: its data (class 22), a constraint (23), a trigger
 * (P0), or two changes of one row (21). Not when it could not run it, or when its answer was lost.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export const isRefusedRow = (error: unknown): boolean => hasCode(error, /^(?:2[123]|P0)...$/)

/** Whether Postgres rolled a statement back for another transaction: 40001 serialization_failure, 40P01 deadlock_detected. */
export const isConflict = (error: unknown): boolean => hasCode(error, /^40(?:001|P01)$/)

const hasCode = (error: unknown, codes: RegExp) =>
  error instanceof Error && 'code' in error && codes.test(String(error.code))

/**
 * Whether a statement failed for the server, so that the next one on this connection would fail too: the server is read-only
 * since a failover (25006 read_only_sql_transaction), shuts down (57P01 to 57P03), or has not answered in time.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function isServerUnfit(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // pg's own error, without a code. The answer may still come, and would hold up the next query.
  return 'code' in error ? /^(?:25006|57P0[123])$/.test(String(error.code)) : error.message === 'Query read timeout'
}

/** Whether a connection was refused for a setting that it would start with: by a pooler (PgBouncer), not by Postgres. */
export function isRefusedSetting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '08P01' && /startup parameter/.test(error.message)
}
