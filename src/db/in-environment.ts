import { type RawBuilder, sql } from 'kysely'

/**
 * An SQL condition for rows that are found by an id: that they belong to the environment. It compares texts because indexes
 * by environment have none: where most environments are small, Postgres expects to read a few rows of any, and would read all
 * of a large one instead of looking the ids up.
 */
export const inEnvironment = (column: `${string}environment_id`, environmentId: string): RawBuilder<boolean> =>
  sql<boolean>`${sql.ref(column)}::text = ${environmentId}::uuid::text`
