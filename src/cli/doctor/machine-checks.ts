import { access, constants, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Config } from '../../config.ts'
import { error, type Finding, fromMessage, ok, reasonOf, warning } from './finding.ts'

/** The oldest release of Node that the package supports, as in package.json. */
const minNode = [20, 19] as const

/** Checks the release of Node. */
export function nodeVersion(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < minNode[0] || (major === minNode[0] && minor < minNode[1])
  if (isOld) return error('node', `Node ${version} is too old.`, `Install Node ${minNode.join('.')} or newer.`)
  return ok('node', `Node ${version}.`)
}

/** Makes a finding of each problem of the configuration. */
export function configuration(config: Config, problems: readonly string[]): readonly Finding[] {
  if (problems.length === 0) return [ok('configuration', `The configuration is valid, for ${config.environment}.`)]
  return problems.map((problem) => {
    const end = problem.search(/[;:] (?:generate|set|add)\b/)
    const message = end < 0 ? problem : problem.slice(0, end)
    const advice = end < 0 ? null : `${problem.charAt(end + 2).toUpperCase()}${problem.slice(end + 3)}.`
    const variable = /^[A-Z][A-Z_]+/.exec(problem)?.[0] ?? 'the variable'
    return error('configuration', `${message}.`, advice ?? `Correct ${variable}; docs/configuration.md describes it.`)
  })
}

/** Checks whether the sandbox is on where it should not be. */
export function sandboxState({ environment, sandbox }: Config): Finding {
  if (sandbox && environment === 'production')
    return warning('sandbox', 'The sandbox is on in production.', 'Set VALETKEY_SANDBOX=off.')
  return ok('sandbox', sandbox ? 'The sandbox is on: OAuth apps use a local Notion.' : 'The sandbox is off.')
}

const gigabyte = 1024 ** 3

/** Checks space and permissions of the data directory, where it is used. */
export async function dataDirectory({ databaseUrl, sandbox, dataDirectory }: Config): Promise<readonly Finding[]> {
  const check = 'data directory'
  if (databaseUrl !== null && !sandbox) return [ok(check, 'It is not used with DATABASE_URL and without the sandbox.')]
  const existing = await nearest(resolve(dataDirectory))
  try {
    await access(existing, constants.W_OK | constants.X_OK)
  } catch (cause) {
    const message = `The data directory ${dataDirectory} cannot be written to (${reasonOf(cause)}).`
    return [error(check, message, 'Set VALETKEY_DATA_DIR to a directory that this user can write to.')]
  }
  const { bavail, bsize } = await statfs(existing)
  const free = (bavail * bsize) / gigabyte
  const message = `${free.toFixed(1)} GB are free in ${dataDirectory}.`
  if (free < 0.1) return [error(check, message, 'Free space on the disk, or set VALETKEY_DATA_DIR to another one.')]
  if (free < 1) return [warning(check, message, 'Free space on the disk.')]
  return [ok(check, message)]
}

/** The directory itself, or the nearest one above it that exists. */
async function nearest(directory: string): Promise<string> {
  const exists = await access(directory).then(
    () => true,
    (cause: NodeJS.ErrnoException) => cause.code !== 'ENOENT',
  )
  return exists || dirname(directory) === directory ? directory : nearest(dirname(directory))
}

/** Makes findings of the warnings that a start prints. */
export const startFindings = (warnings: readonly string[]): readonly Finding[] =>
  warnings.map((text) => fromMessage('settings', 'warning', text, 'See docs/configuration.md.'))
