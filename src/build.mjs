import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Compiles src/ to dist/. With `--if-old` only when dist/ is missing or older than a file of src/, so that a start costs
 * no compilation. Plain JavaScript, because it runs before there is anything compiled.
 */
const source = dirname(fileURLToPath(import.meta.url))
const output = join(source, '../dist')
/** Written at the end of a successful compilation. */
const stamp = join(output, '.tsbuildinfo')

function isCurrent() {
  if (!existsSync(stamp)) return false
  const builtAt = statSync(stamp).mtimeMs
  const inputs = readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) => join(source, name))
  return [source, ...inputs, join(source, '../tsconfig.json')].every((file) => statSync(file).mtimeMs <= builtAt)
}

function compilerPath() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  } catch {
    process.stderr.write('dist/ is missing or old, and TypeScript is not installed. Run npm ci, then npm run build.\n')
    process.exit(1)
  }
}

if (!process.argv.includes('--if-old') || !isCurrent()) {
  // Compiled beside the old output, which stays in use until the new one is complete.
  const fresh = `${output}.${process.pid}`
  const startedAt = new Date()
  const options = ['-p', source, '--outDir', fresh, '--tsBuildInfoFile', join(fresh, '.tsbuildinfo')]
  const { status } = spawnSync(process.execPath, [compilerPath(), ...options], { stdio: 'inherit' })
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true })
    process.exit(status ?? 1)
  }
  // What was saved during the compilation is newer.
  utimesSync(join(fresh, '.tsbuildinfo'), startedAt, startedAt)
  try {
    rmSync(output, { recursive: true, force: true })
    renameSync(fresh, output)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    // Another start was faster, with the same sources.
    if (!isCurrent()) throw error
  }
}
