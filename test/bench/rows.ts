import type pg from 'pg'

/** The columns that differ from the template, each with one value for each new row. */
export type ColumnValues = Readonly<Record<string, readonly (string | number | null)[]>>

/**
 * Inserts copies of the row with this id, with other values in some columns. Columns that this project adds later are
 * copied without a change here.
 */
export async function cloneRow(
  client: pg.Client,
  table: string,
  templateId: string,
  values: ColumnValues,
): Promise<void> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select column_name as name, udt_name as type from information_schema.columns
     where table_schema = current_schema() and table_name = $1 and is_identity = 'NO' and is_generated = 'NEVER'`,
    [table],
  )
  const types = new Map(rows.map(({ name, type }) => [name, type]))
  const changed = Object.keys(values)
  const unknown = changed.filter((name) => !types.has(name))
  if (unknown.length > 0) throw new Error(`the table ${table} has no column ${unknown.join(', ')}`)
  const columns = [...types.keys()]
  const arrays = changed.map((name, at) => `$${at + 2}::${types.get(name)}[]`)
  await client.query(
    `insert into ${table} (${columns.join(', ')})
     select ${columns.map((name) => `${changed.includes(name) ? 'new' : 'template'}.${name}`).join(', ')}
     from ${table} as template cross join unnest(${arrays.join(', ')}) as new (${changed.join(', ')})
     where template.id = $1`,
    [templateId, ...Object.values(values)],
  )
}
