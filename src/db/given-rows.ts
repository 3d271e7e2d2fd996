import { type RawBuilder, sql } from 'kysely'

/**
 * Rows that a statement is given, as a table of its `from`, in one parameter. `columns` has the type in SQL of each field.
 *
 * Postgres expects a hundred rows of a function, whatever it returns, and would read a table of several thousand rows as a
 * whole instead of looking up a few of them. It believes a maximum. `fetch first` is the standard's word for `limit`, with
 * which statements are not prepared (`pool.ts`).
 */
export function givenRows<Row extends object>(
  name: string,
  rows: readonly Row[],
  columns: Readonly<Record<keyof Row & string, string>>,
): RawBuilder<unknown> {
  const [names, types] = [Object.keys(columns), Object.entries<string>(columns)]
  const typed = types.map(([column, type]) => sql`${sql.ref(column)} ${sql.raw(type)}`)
  return sql`(
    select ${sql.join(names.map((column) => sql.ref(column)))}
    from json_to_recordset(${JSON.stringify(rows)}::json) as ${sql.ref(name)} (${sql.join(typed)})
    fetch first (${rows.length}::bigint) rows only
  ) as ${sql.ref(name)}`
}
