import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { help } from '../../src/cli/help.ts'
import { run } from '../../src/cli/run.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { type CommandName, commands, mustBeMigrated } from '../../src/cli/syntax.ts'
import { connectServer, DatabaseUnusableError, type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { Secret } from '../../src/vault/secret.ts'
import { startNode } from '../grants/node.ts'
import { connectAccount, newEnvironment } from '../grants/support.ts'
import { startSandbox } from '../sandbox/support.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'

describe('the command line', () => {
  let database: TestDatabase
  let env: Record<string, string>
  beforeAll(async () => {
    database = await newPostgresDatabase()
    env = { ...databaseEnv(database.location), VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
    const opened = await openDatabase(database.location, () => {})
    await opened.withSession(migrate)
    await opened.close()
  })
  afterAll(() => database.drop())

  /** Runs a command line as the process would. */
  const command = async (line: string) => {
    const lines: string[] = []
    const code = await run(
      line.split(' ').filter(Boolean),
      env,
      (text) => lines.push(text),
      () => {},
    )
    return { code, lines }
  }

  /** Runs work with an empty database. */
  const withDatabase = async (work: (variables: Record<string, string>, db: Db) => Promise<unknown>) => {
    const own = await newPostgresDatabase()
    const db = connectServer({ connectionString: own.location.directUrl ?? own.location.url, max: 1 }, () => {})
    try {
      await work({ ...env, ...databaseEnv(own.location) }, db)
    } finally {
      await db.destroy()
      await own.drop()
    }
  }
  const relations = async (db: Db) => {
    const { rows } = await sql`select relname from pg_class where relnamespace = 'public'::regnamespace`.execute(db)
    return rows
  }
  const ignore = () => {}
  const input = { readLine: async () => 'line', close: ignore }

  const reading = (Object.keys(commands) as CommandName[]).filter(mustBeMigrated)
  it.each(reading)('"%s" refuses a database that is not migrated, and changes nothing', async (name) => {
    const options = name === 'oauth-apps update' ? ['--client-id', 'mine'] : []
    const argv = [...name.split(' '), ...('subject' in commands[name] ? ['subject'] : []), ...options]
    await withDatabase(async (variables, db) => {
      const running = () => run(argv, variables, ignore, ignore, input)
      if (name === 'oauth-apps redirect-uri') await expect(running()).resolves.toBe(0)
      else await expect(running()).rejects.toBeInstanceOf(DatabaseUnusableError)
      expect(await relations(db)).toEqual([])
      await run('api-keys create --name first --scopes ADMIN'.split(' '), variables, ignore, ignore)
      // As the release before has left it.
      await sql`delete from migrations where name = (select max(name) from migrations)`.execute(db)
      const before = await relations(db)
      await expect(running()).rejects.toThrow('lacks migrations of this release')
      expect(await relations(db)).toEqual(before)
    })
  })

  it('prints the redirect URI of a first OAuth app without a database', async () => {
    await withDatabase(async (variables) => {
      const lines: string[] = []
      const print = (line: string) => void lines.push(line)
      const variablesOfServer = { ...variables, PUBLIC_URL: 'https://valetkey.example' }
      await run(['oauth-apps', 'redirect-uri', 'team'], variablesOfServer, print, ignore, input)
      expect(lines).toEqual(['https://valetkey.example/oauth/callback/team'])
      await run(['oauth-apps', 'register', 'team', '--client-id', 'mine'], variablesOfServer, print, ignore, input)
      expect(lines).toContain('Redirect URI: https://valetkey.example/oauth/callback/team')
    })
  })

  it('prints its commands', async () => {
    expect(await command('--help')).toEqual({ code: 0, lines: [help] })
    expect((await command('')).code).toBe(2)
  })

  it.each([
    ['frobnicate', 'unknown command "frobnicate"'],
    ['keys rotate --settel 3', "Unknown option '--settel'"],
    ['keys rotate --settle soon', '--settle must be a whole number of seconds'],
    ['keys create', 'requires --name and --scopes'],
    ['api-keys revoke', 'requires the ID of the key'],
    ['environments delete', 'requires the name of the environment'],
    ['environments policy', 'requires the name of the environment'],
    ['environments policy default --approve-for sometimes', '--approve-for must be destructive or writes'],
    ['environments policy default --read-only --clear', '--clear must not be combined'],
    ['environments policy default --approve-tool notion_page_crate', 'unknown: notion_page_crate'],
    ['api-keys revoke 123', 'unknown environment "default". There is none yet'],
    ['keys revoke', 'List the IDs with: keys list'],
    ['api-keys create --name n --scopes EVERYTHING', '--scopes must be of ADMIN'],
    ['api-keys create --name n --scopes ADMIN --expires someday', '--expires must be a date'],
  ])('refuses "%s" with a message', async (line, message) => {
    const failure = await command(line).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'UsageError' })
    expect((failure as Error).message).toContain(message)
  })

  it.each(['keys status', 'keys rotate --settle 0'])(
    '"%s" reads whole tables without the time limit of statements',
    async (line) => {
      await withDatabase(async (variables, db) => {
        await run('api-keys create --name first --scopes ADMIN'.split(' '), variables, ignore, ignore)
        await sql
          .raw(`
        create function unlimited() returns boolean stable language plpgsql as $$ begin
          if current_setting('statement_timeout') <> '0' then raise 'the time of this statement is limited'; end if;
          return true;
        end $$;
        alter table tool_approvals rename to approvals;
        create view tool_approvals as select * from approvals where unlimited()`)
          .execute(db)
        await expect(sql`set statement_timeout = 1000; select from tool_approvals`.execute(db)).rejects.toThrow(
          'limited',
        )
        const lines: string[] = []
        expect(await run(line.split(' '), variables, (text) => lines.push(text), ignore)).toBe(0)
        expect(lines.join()).toMatch(/primary/i)
      })
    },
  )

  it('generates a master key that the server accepts', async () => {
    const { lines } = await command('master-key generate')
    expect(Buffer.from(lines[0] ?? '', 'base64')).toHaveLength(32)
  })

  it('sets, prints and clears the tool policy of an environment', async () => {
    await command('api-keys create --environment governed --name n --scopes TOOLS_READ')
    const policy = async (options: string) => (await command(`environments policy governed ${options}`)).lines
    expect(await policy('')).toEqual(['{}'])
    const set = '{"denyDestructive":true,"requireApprovalFor":"WRITES","requireApprovalToolNames":["notion_user_self"]}'
    expect(await policy('--deny-destructive --approve-for writes --approve-tool notion_user_self')).toEqual([set])
    expect(await policy('')).toEqual([set])
    expect(await policy('--clear')).toEqual(['{}'])
    await expect(policy('--connection nowhere --read-only')).rejects.toThrow(/unknown connection "nowhere"/)
  })

  it('creates, lists and revokes API keys of an environment', async () => {
    const created = await command('keys create --environment staging --name agent --scopes tools_read,ACCOUNTS_READ')
    const secret = created.lines[1] ?? ''
    expect(secret).toMatch(/^vk_/)
    const listed = (await command('api-keys list --environment staging')).lines
    expect(listed).toHaveLength(1)
    expect(listed[0]).toMatch(/active +TOOLS_READ,ACCOUNTS_READ +agent$/)
    expect(listed[0]).not.toContain(secret)
    const id = listed[0]?.split(' ')[0] ?? ''
    expect((await command(`api-keys revoke ${id} --environment staging`)).lines[0]).toContain('Revoked the API key')
    expect((await command('api-keys list --environment staging')).lines[0]).toMatch(/revoked/)
    await expect(command('api-keys list --environment stagign')).rejects.toThrow(/unknown environment "stagign"/)
    await expect(command('api-keys revoke abc --environment staging')).rejects.toThrow(
      /List the IDs with: api-keys list/,
    )
    const ofGraphQL = Buffer.from(`ApiKey:${id}`).toString('base64')
    expect((await command(`keys revoke ${ofGraphQL} --environment staging`)).lines[0]).toContain(id)
    expect((await command('keys list --environment staging')).lines).toHaveLength(1)
    await expect(command('keys create --environment= --name n --scopes ADMIN')).rejects.toThrow(
      /environment: must have/,
    )
    await command('keys create --environment other --name agent --scopes ADMIN')
    await expect(command(`api-keys revoke ${id} --environment other`)).rejects.toThrow(
      `unknown API key "${id}" in the environment "other"`,
    )
  })

  it('creates narrowed API keys, and narrows them further and never back', async () => {
    const narrow = '--connection notion --connection second --identifier-prefix team-a/ --network 10.0.0.0/8'
    await command(`api-keys create --environment narrowed --name agent --scopes TOOLS_READ ${narrow}`)
    const id = (await command('api-keys list --environment narrowed')).lines[0]?.split(' ')[0] ?? ''
    const { lines } = await command(
      `api-keys narrow ${id} --environment narrowed --connection notion --tool notion_user_self`,
    )
    expect(lines[0]).toContain(
      '{"connectionNames":["notion"],"identifierPrefixes":["team-a/"],"toolNames":["notion_user_self"],"networks":["10.0.0.0/8"]}',
    )
    for (const wider of [
      '--connection second',
      '--identifier-prefix team-',
      '--tool notion_data_fetch',
      '--network 10.0.0.0/7',
    ])
      await expect(command(`api-keys narrow ${id} --environment narrowed ${wider}`)).rejects.toThrow(/must be within/)
    await expect(command(`api-keys narrow ${id} --environment narrowed`)).rejects.toThrow(/requires --connection/)
    await expect(command('api-keys narrow')).rejects.toThrow(/requires the ID of the key/)
    await expect(
      command('api-keys create --environment narrowed --name n --scopes ADMIN --network 10.0.0.0/33'),
    ).rejects.toThrow(/must be an IP address, or a network/)
  })

  it('deletes an environment, with active accounts only with --force', async () => {
    await expect(command('environments delete nowhere')).rejects.toThrow(/unknown environment "nowhere"/)
    await command('keys create --environment leaving --name agent --scopes ADMIN')
    const sandbox = await startSandbox()
    const node = await startNode({
      location: database.location,
      masterKey: new Secret(env['VALETKEY_MASTER_KEY'] ?? ''),
      apiUrl: sandbox.url,
    })
    const { context } = node
    const other = await newEnvironment(context)
    await connectAccount(context, sandbox, other, 'alice')
    await context.db.updateTable('environments').set({ name: 'busy' }).where('id', '=', other.environmentId).execute()
    await expect(command('environments delete busy')).rejects.toThrow(/has 1 active accounts.*--force/)
    expect((await command('environments delete leaving')).code).toBe(0)
    expect((await command('environments delete busy --force')).code).toBe(0)
    await expect(command('api-keys list --environment leaving')).rejects.toThrow(/unknown environment/)
    for (const { table, column } of sealedColumns.filter((each) => each.table !== 'server_secrets')) {
      const rows = await context.db.selectFrom(table).select(sql`1`.as('one')).execute()
      expect(rows, `${table}.${column}`).toEqual([])
    }
    await node.close()
    await sandbox.close()
  })

  it('rotates the keys and shows their state', async () => {
    const rotated = await command('keys rotate --settle 0')
    expect(rotated.code).toBe(0)
    expect(rotated.lines.at(-1)).toMatch(/Keys retired: 1\./)
    const { lines } = await command('keys status')
    expect(lines.slice(1).map((line) => line.split(/\s+/)[1])).toEqual(['primary', 'retired'])
  })

  it('names the wrong setting when the master key is another one', async () => {
    env = { ...env, VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
    await expect(command('keys status')).rejects.toThrow(/VALETKEY_MASTER_KEY does not open this database/)
  })
})
