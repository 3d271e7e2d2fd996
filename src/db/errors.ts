/**
 * Whether a statement failed because a row that it references does not exist, or was deleted in the meantime.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html foreign_key_violation
 */
export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23503'
}
