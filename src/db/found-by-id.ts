import { type RawBuilder, sql } from 'kysely'

/**
 * An SQL condition for rows that are found by another id: that a column has this id. It compares texts because indexes of ids
 * have none: where most environments and OAuth apps are small, Postgres expects to read a few rows of any, and would read all
 * of a large one instead of looking the other ids up.
 */
export const hasId = (column: string, id: string): RawBuilder<boolean> =>
  sql<boolean>`${sql.ref(column)}::text = ${id}::uuid::text`

/** {@link hasId} for the environment of rows. */
export const inEnvironment = (column: `${string}environment_id`, environmentId: string): RawBuilder<boolean> =>
  hasId(column, environmentId)

/**
 * The operand of `=` for one of any number of values. The statement has the same text for all numbers of them: each text is
 * prepared by itself (`pool.ts`), which an IN with a hundred lengths would use up.
 */
export const anyOf = (type: 'uuid' | 'text', values: readonly string[]): RawBuilder<string> =>
  sql<string>`any (${values}::${sql.raw(type)}[])`
