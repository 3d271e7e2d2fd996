import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '../sandbox/support.ts'
import type { Program } from './program.ts'
import { programs } from './programs.ts'
import { run } from './run.ts'

// Runs programs of others, unchanged, against the sandbox. `npm run outside -- martian` runs one. A program is skipped with a
// word where its source or packages cannot be had: npm or GitHub does not answer, or Python or its modules are not there. Any
// other failure ends with status 1.

const environment: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
)
const unreachable =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOENT|Could not resolve host|unable to access|No module named/

async function install({ packages, repository, python }: Program, folder: string): Promise<void> {
  const options = { cwd: folder, env: environment }
  if (repository) {
    const git = (...args: string[]) => run('git', ['-C', 'repository', ...args], options)
    await run('git', ['init', '--quiet', 'repository'], options)
    await git('fetch', '--quiet', '--depth', '1', repository.url, repository.commit)
    await git('checkout', '--quiet', 'FETCH_HEAD')
  }
  if (packages.length > 0) {
    await writeFile(join(folder, 'package.json'), '{"private":true}')
    await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], options)
  }
  if (python) await run('python3', ['-c', `import ${python.join(', ')}`], options)
}

function missingOf({ python, repository }: Program, error: string): string {
  if (python && /No module named|ENOENT/.test(error)) return `it needs python3 with ${python.join(', ')}`
  if (repository && error.includes('git')) return `${repository.url} does not answer`
  return 'the npm registry does not answer'
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
    console.log(`${program.name}: ${isSkipped ? `skipped, ${missingOf(program, String(error))}` : String(error)}`)
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
