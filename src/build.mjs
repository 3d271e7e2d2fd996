import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Compiles src/ with its dependencies to dist/, a few large files instead of the 1,700 small ones that a start would read
 * otherwise, and prepares the embedded database there. With `--if-old` only when dist/ is missing or older than what it is
 * made from, so that a start costs no compilation. Plain JavaScript, because it runs before there is anything compiled.
 */
const source = dirname(fileURLToPath(import.meta.url))
const root = join(source, '..')
const output = join(root, 'dist')
/** Written at the end of a successful compilation. */
const stamp = '.built'
/** Data directories of the embedded database, by the name of what made them; see `db/embedded-snapshot.ts`. */
const snapshots = 'snapshots'

function isCurrent() {
  if (!existsSync(join(output, stamp)) || !existsSync(join(output, snapshots))) return false
  const builtAt = statSync(join(output, stamp)).mtimeMs
  const inputs = [source, join(root, 'migrations')].flatMap((directory) => [
    directory,
    ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name)),
  ])
  return [...inputs, join(root, 'package-lock.json')].every((file) => statSync(file).mtimeMs <= builtAt)
}

async function loadCompiler() {
  try {
    return await import('esbuild')
  } catch {
    process.stderr.write('dist/ is missing or old, and esbuild is not installed. Run npm ci, then npm run build.\n')
    process.exit(1)
  }
}

async function compile(outdir) {
  const { build } = await loadCompiler()
  await build({
    absWorkingDir: root,
    entryPoints: ['main', 'cli/main', 'demo/main', 'sandbox/main', 'db/make-snapshot'].map((name) => `src/${name}.ts`),
    outbase: source,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
    // They read files of their own, are large, or are installed by those who need them.
    external: ['@aws-sdk/client-kms', '@electric-sql/pglite', '@google-cloud/kms', '@graphql-yoga/render-graphiql'],
    // Packages in CommonJS require modules of Node.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'warning',
  })
}

if (!process.argv.includes('--if-old') || !isCurrent()) {
  // Compiled next to the old output, which stays in use until the new one is complete.
  const fresh = `${output}.${process.pid}`
  const startedAt = new Date()
  try {
    await compile(fresh)
    // What was saved during the compilation is newer.
    writeFileSync(join(fresh, stamp), '')
    utimesSync(join(fresh, stamp), startedAt, startedAt)
    if (existsSync(join(output, snapshots))) renameSync(join(output, snapshots), join(fresh, snapshots))
    rmSync(output, { recursive: true, force: true })
    renameSync(fresh, output)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    // Another start was faster, with the same sources.
    if (!isCurrent()) throw error
  }
  // A failure is reported and costs the first start with an empty directory some seconds.
  spawnSync(process.execPath, [join(output, 'db/make-snapshot.js')], { stdio: 'inherit' })
}
