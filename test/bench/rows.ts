import type pg from 'pg'

/**
 * Inserts a copy of the row with this id for each row of `source`, an SQL query, with other values in some columns: SQL
 * expressions over `made`, the row of the source. Columns that this project adds later are copied without a change here.
 */
export async function cloneRows(
  client: pg.Client,
  table: string,
  templateId: string,
  source: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = current_schema() and table_name = $1 and is_identity = 'NO' and is_generated = 'NEVER'`,
    [table],
  )
  const columns = rows.map(({ name }) => name)
  const unknown = Object.keys(values).filter((name) => !columns.includes(name))
  if (unknown.length > 0) throw new Error(`the table ${table} has no column ${unknown.join(', ')}`)
  await client.query(
    `insert into ${table} (${columns.join(', ')})
     select ${columns.map((name) => values[name] ?? `template.${name}`).join(', ')}
     from ${table} as template cross join (${source}) as made
     where template.id = $1`,
    [templateId],
  )
}
