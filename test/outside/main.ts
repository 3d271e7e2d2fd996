import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '../sandbox/support.ts'
import { type Program, programs } from './programs.ts'
import { run } from './run.ts'

// Runs programs of others, unchanged, against the sandbox. `npm run outside -- martian` runs one. A program whose packages
// cannot be installed because the registry does not answer is skipped with a word; any other failure ends with status 1.

const environment: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
)
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT/

async function install({ packages }: Program, folder: string): Promise<void> {
  const options = { cwd: folder, env: environment }
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], options)
}

/** Returns whether the program works or was skipped. */
async function check(program: Program): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'valetkey-outside-'))
  const sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000 })
  try {
    await install(program, folder)
  } catch (error) {
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
    const isSkipped = unreachable.test(String(error))
    console.log(`${program.name}: ${isSkipped ? 'skipped, the npm registry does not answer' : String(error)}`)
    return isSkipped
  }
  try {
    const { access_token: token } = await sandbox.connect({ user: 'owner@acme.test' })
    const redirect = new URL('redirect.mjs', import.meta.url).href
    const env = { ...environment, NOTION_SANDBOX_URL: sandbox.url, NODE_OPTIONS: `--import ${redirect}` }
    console.log(`${program.name}: ${await program.work({ folder, sandbox, token, env })}`)
    return true
  } catch (error) {
    console.log(`${program.name}: failed\n${String(error)}`)
    return false
  } finally {
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const wanted = process.argv.slice(2)
const chosen = programs.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const results: boolean[] = []
// One after the other: the programs need a processor each.
for (const program of chosen) results.push(await check(program))
process.exitCode = results.length > 0 && results.every(Boolean) ? 0 : 1
