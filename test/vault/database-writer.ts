import { randomUUID } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../../src/db/database.ts'

/** A writer of the database who may do anything to it and does not have the vault's keys. */
export interface DatabaseWriter {
  /** Runs statements without triggers and foreign keys. Returns whether the database accepted all of them. */
  write(...statements: readonly RawBuilder<unknown>[]): Promise<boolean>
  /** Runs `act` after the statements, which change these rows, and restores the rows. Does nothing if they are refused. */
  during<Result>(
    rows: readonly (readonly [table: string, id: string])[],
    statements: readonly RawBuilder<unknown>[],
    act: () => Promise<Result>,
  ): Promise<Result | undefined>
  /** Every change of one column of a row: to the value of another row, to null, and to values of its type. */
  changesOf(table: string, id: string, otherId: string): Promise<readonly (readonly [string, RawBuilder<unknown>])[]>
}

const typed: Readonly<Record<string, readonly string[]>> = {
  text: ["'x'", "'https://evil.example/'", "'ACTIVE'", "'DISCONNECTED'", "'acme'"],
  uuid: [`'${randomUUID()}'::uuid`],
  ARRAY: ["'{}'", "'{ADMIN}'", "'{https://evil.example}'"],
  boolean: ['true', 'false'],
  'timestamp with time zone': ["clock_timestamp() + interval '1 year'", "clock_timestamp() - interval '1 year'"],
  integer: ['0', '7'],
  jsonb: ["'[]'", `'[{"name":"x","reason":null,"resourceId":null}]'`],
}

export function databaseWriter(db: Db): DatabaseWriter {
  const write: DatabaseWriter['write'] = (...statements) =>
    db.connection().execute(async (connection) => {
      await sql`set session_replication_role = replica`.execute(connection)
      try {
        for (const statement of statements) await statement.execute(connection)
        return true
      } catch (error) {
        // A check, a type, or a unique index.
        if (error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code))) return false
        throw error
      } finally {
        await sql`set session_replication_role = origin`.execute(connection)
      }
    })
  const known = new Map<string, readonly { readonly name: string; readonly type: string }[]>()
  const columnsOf = async (table: string) => {
    const found = known.get(table)
    if (found) return found
    const { rows } = await sql<{ name: string; type: string }>`
      select column_name as name, data_type as type from information_schema.columns
      where table_schema = 'public' and table_name = ${table} order by ordinal_position`.execute(db)
    known.set(table, rows)
    return rows
  }
  return {
    write,
    async during(changed, statements, act) {
      const before = await Promise.all(
        changed.map(async ([table, id]) => {
          const { rows } = await sql<{ row: string }>`
            select to_jsonb(t)::text as row from ${sql.table(table)} t where id = ${id}`.execute(db)
          return { table: sql.table(table), id, row: rows[0]?.row, columns: await columnsOf(table) }
        }),
      )
      const restore = () =>
        write(
          ...before.map(({ table, id }) => sql`delete from ${table} where id = ${id}`),
          ...before.map(({ table, columns, row }) => {
            const names = sql.join(columns.map(({ name }) => sql.ref(name)))
            return sql`insert into ${table} (${names})
              select ${names} from jsonb_populate_record(null::${table}, ${row}::jsonb)`
          }),
        )
      try {
        return (await write(...statements)) ? await act() : undefined
      } finally {
        // Rows that are not restored fail the next test.
        await restore()
      }
    },
    async changesOf(table, id, otherId) {
      const columns = (await columnsOf(table)).filter(({ name }) => name !== 'id')
      return columns.flatMap(({ name, type }) => {
        const values = [`(select ${name} from ${table} where id = '${otherId}')`, 'null', ...(typed[type] ?? [])]
        return values.map(
          (value) =>
            [`${name} = ${value}`, sql.raw(`update ${table} set ${name} = ${value} where id = '${id}'`)] as const,
        )
      })
    },
  }
}
