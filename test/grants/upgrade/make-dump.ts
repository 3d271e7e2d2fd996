/*
 * Makes a dump of a database of an earlier release, for upgrade.test.ts: starts the server of a checkout of that release
 * on an empty database, uses it, and stops it with SIGKILL in the middle of an exchange.
 *
 *   node --import tsx test/grants/upgrade/make-dump.ts <checkout> <URL of an empty database> > release-x.sql
 *
 * Prints the flow ids of the unconfirmed consents first, as a comment of the dump.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { pageId, startUpgradeProvider } from './provider.ts'
import { authorize, confirm, consent, environmentOf, openLink, runTool, send } from './steps.ts'

const [checkout = '', databaseUrl = ''] = process.argv.slice(2)
const provider = await startUpgradeProvider()
const directory = await mkdtemp(join(tmpdir(), 'valetkey-dump-'))
const port = await freePort()
const server = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
  cwd: checkout,
  env: { ...process.env, ...environmentOf(databaseUrl, provider.url, directory), PORT: String(port) },
  stdio: ['ignore', 'ignore', 'inherit'],
})
const url = `http://127.0.0.1:${port}`
while (!(await fetch(`${url}/ready`).catch(() => null))?.ok) await sleep(100)

await send(
  url,
  `mutation { registerOAuthApp(input: { clientId: "client", clientSecret: "client-secret",
    returnUrls: ["http://localhost:9"], confirmationUrl: "http://localhost:9/confirm" }) { __typename ... on Error { message } } }`,
)
for (const identifier of ['ann', 'hank']) await confirm(url, await consent(url, identifier), identifier)
await runTool(url, 'ann', 'notion_user_self', {})
await runTool(url, 'ann', 'notion_comment_create', { comment: 'Hello', parent: pageId }, 'comment-once')
const waiting: string[] = []
for (const identifier of ['bob', 'carol', 'dave', 'olga']) {
  waiting.push(`${identifier}=${await consent(url, identifier)}`)
}
await authorize(url, 'erin')
await openLink(url, await authorize(url, 'frank'))
const exchanging = await openLink(url, await authorize(url, 'gina'))
provider.beAway()
await send(url, 'mutation { disconnectConnectedAccount(input: { identifier: "hank" }) { __typename } }')
exchanging('gina').catch(() => {})
await sleep(1_000)
server.kill('SIGKILL')
await once(server, 'exit')
await provider.close()
await rm(directory, { recursive: true, force: true })

const dump = execFileSync('pg_dump', ['--inserts', '--no-owner', '--no-privileges', databaseUrl], { encoding: 'utf8' })
process.stdout.write(`-- flow ids: ${waiting.join(' ')}\n`)
// Commands of psql, not SQL.
process.stdout.write(dump.replace(/^\\.*\n/gm, ''))
