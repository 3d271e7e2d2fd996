import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, inspectConfig } from '../../config.ts'
import { type Database, type DatabaseLocation, openDatabase } from '../../db/database.ts'
import { lockDirectory, lockHolder } from '../../db/directory-lock.ts'
import { keySources } from '../../production.ts'
import { startWarnings } from '../../start-warnings.ts'
import { keyEncryptionOf, locationOf } from '../../store.ts'
import { openVault } from '../../vault/open-vault.ts'
import { withoutSecrets } from '../../vault/redaction.ts'
import { Secret } from '../../vault/secret.ts'
import { findServerSecret } from '../../vault/server-secret.ts'
import type { Print } from '../command.ts'
import { appWebhooks } from './app-webhooks.ts'
import { keys, oauthApps, webhooks } from './content-checks.ts'
import { databaseBasics, migrations, pooling, privileges, replica } from './database-checks.ts'
import { error, type Finding, ok, runCheck, warning } from './finding.ts'
import { configuration, dataDirectory, nodeVersion, sandboxState, startFindings } from './machine-checks.ts'
import { localServer, providers, publicUrl, redis } from './network-checks.ts'

/** The time of each check, in milliseconds. Those of a large database or a key service take longest. */
const deadlines = { quick: 6_000, long: 20_000 }

type Env = Readonly<Record<string, string | undefined>>

/**
 * `doctor`: checks the configuration and everything that it names, and prints a line for each finding with what to do. It
 * changes nothing, and works while the server runs and while nothing works. Returns the exit code: 1 with an error.
 */
export async function doctorCommand(
  env: Env,
  print: Print,
  { json, online }: { readonly json: boolean; readonly online: boolean },
): Promise<number> {
  const { config, problems } = inspectConfig(env)
  const secrets = secretsOf(env, config)
  const findings: Finding[] = []
  const report = async (found: readonly Finding[]) => {
    for (const finding of found) {
      const shown = {
        ...finding,
        message: withoutSecrets(finding.message, secrets),
        fix: finding.fix && withoutSecrets(finding.fix, secrets),
      }
      findings.push(shown)
      if (!json) await print(lineOf(shown))
    }
  }
  await report([nodeVersion(), ...configuration(config, problems), sandboxState(config)])
  await report(await runCheck('data directory', () => dataDirectory(config), deadlines.quick))
  let isRunning = false
  await report(
    await runCheck(
      'server',
      async (signal) => {
        const local = await localServer(config, signal)
        isRunning = local.isRunning
        return local.findings
      },
      deadlines.quick,
    ),
  )
  const key = await checkDatabase(config, problems, report)
  await report(await runCheck('public url', (signal) => publicUrl(config, { key, isRunning }, signal), deadlines.quick))
  if (problems.some((problem) => problem.startsWith('REDIS_URL')))
    await report([warning('redis', 'It is not checked without a valid REDIS_URL.', 'Correct REDIS_URL first.')])
  else await report(await runCheck('redis', (signal) => redis(config, signal), deadlines.quick))
  const isAsked = online || !config.sandbox
  await report(await runCheck('provider', (signal) => providers(config, isAsked, signal), deadlines.quick))

  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
  const result = { ok: count('error') === 0, errors: count('error'), warnings: count('warning') }
  if (json) await print(JSON.stringify({ ...result, findings }, null, 2))
  else await print(`Errors: ${result.errors}. Warnings: ${result.warnings}.`)
  return result.ok ? 0 : 1
}

const lineOf = ({ check, status, message, fix }: Finding): string =>
  `${status.padEnd(7)}  ${check.padEnd(16)}  ${message}${fix === null ? '' : ` ${fix}`}`

/** Checks the database and what it holds. Returns the secret of the installation, null when it cannot be read. */
async function checkDatabase(
  config: Config,
  problems: readonly string[],
  report: (findings: readonly Finding[]) => Promise<void>,
): Promise<Secret | null> {
  // An invalid URL of a server must not lead to the embedded database.
  if (problems.some((problem) => problem.startsWith('DATABASE_URL'))) {
    await report([
      warning('database', 'It is not checked without a valid DATABASE_URL.', 'Correct DATABASE_URL first.'),
    ])
    return null
  }
  const directory = join(config.dataDirectory, 'database')
  const location = locationOf(config, directory)
  let release = async () => {}
  if (location.kind === 'embedded') {
    if (!existsSync(directory)) {
      await report([
        ok('database', `The embedded database does not exist yet. The first start creates it in ${directory}.`),
      ])
      return null
    }
    const holder = await lockHolder(config.dataDirectory)
    if (holder !== null) {
      const message = `The embedded database is in use by a running process${holder && ` (pid ${holder})`}: its content is not checked.`
      await report([ok('database', `${message} The line "server" has what that process answers.`)])
      return null
    }
  }
  let database: Database | undefined
  let key: Secret | null = null
  try {
    const opened = await runCheck(
      'database',
      async () => {
        if (location.kind === 'embedded') release = await lockDirectory(config.dataDirectory)
        database = await openDatabase(limited(location), () => {})
        return databaseBasics(database.db, location.kind)
      },
      deadlines.long,
    )
    await report(opened)
    if (!database || opened.some(({ status }) => status === 'error')) return null
    key = await checkContent(config, problems, location, database, report)
  } finally {
    // A server that does not answer must not hold the command.
    await Promise.race([
      (database?.close() ?? Promise.resolve()).catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, 2_000).unref()),
    ])
    await release()
  }
  return key
}

/** Two connections are enough for the checks, and for one that does not end. */
const limited = (location: DatabaseLocation): DatabaseLocation =>
  location.kind === 'embedded' ? location : { ...location, maxConnections: 2 }

async function checkContent(
  config: Config,
  problems: readonly string[],
  location: DatabaseLocation,
  { db }: Database,
  report: (findings: readonly Finding[]) => Promise<void>,
): Promise<Secret | null> {
  if (location.kind === 'server') {
    await report(await runCheck('pooling', () => pooling(location, db), deadlines.long))
    await report(await runCheck('replica', (signal) => replica(config, db, signal), deadlines.long))
  }
  await report(await runCheck('privileges', () => privileges(db), deadlines.quick))
  let isCurrent = false
  await report(
    await runCheck(
      'migrations',
      async () => {
        const { findings, current } = await migrations(db)
        isCurrent = current
        return findings
      },
      deadlines.quick,
    ),
  )
  if (!isCurrent) {
    await report([ok('content', 'It is not checked before all migrations have run.')])
    return null
  }
  let key: Secret | null = null
  if (problems.some((problem) => keySources.some((name) => problem.includes(name)))) {
    await report([
      error('keys', 'They are not checked without a valid key source.', 'Correct the configuration first.'),
    ])
  } else {
    const check = async () => {
      const keyEncryption = await keyEncryptionOf(config, db)
      const findings = await keys(db, keyEncryption)
      const vault = await openVault({ db, keyEncryption })
      key = await findServerSecret(db, vault, 'installation').finally(() => vault.close())
      return findings
    }
    await report(await runCheck('keys', check, deadlines.long))
  }
  await report(await runCheck('oauth apps', () => oauthApps(db), deadlines.quick))
  await report(await runCheck('app webhooks', () => appWebhooks(db), deadlines.long))
  await report(await runCheck('webhooks', () => webhooks(db), deadlines.quick))
  // PUBLIC_URL has a check of its own.
  const settings = async () =>
    startFindings((await startWarnings(config, db)).filter((text) => !/^PUBLIC_URL/.test(text)))
  await report(await runCheck('settings', settings, deadlines.quick))
  return key
}

/** Decodes a password as pg does, which accepts a literal percent sign. */
function decoded(password: string): string {
  try {
    return decodeURIComponent(password.replace(/%(?![\da-f]{2})/gi, '%25'))
  } catch {
    return password
  }
}

/** The values that must not be printed, also where an error quotes them. */
function secretsOf(env: Env, { masterKeys }: Config): readonly Secret[] {
  const named = ['VALETKEY_MASTER_KEY', 'VAULT_TOKEN', 'VALETKEY_BOOTSTRAP_API_KEY', 'VALETKEY_API_KEY'].map(
    (name) => env[name],
  )
  const inUrls = Object.values(env).flatMap((value) => {
    if (value === undefined || !/^\w+:\/\/[^/]*@/.test(value)) return []
    if (!URL.canParse(value)) return [value]
    const { password } = new URL(value)
    return [value, password, decoded(password)]
  })
  const values = [...named, ...(masterKeys ?? []), ...inUrls]
  return values.flatMap((value) => (value ? [new Secret(value)] : []))
}
