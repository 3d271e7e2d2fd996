import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Compiles src/ with its dependencies to dist/, a few large files instead of the 1,700 small ones that a start would read
 * otherwise, and prepares the embedded database there. With `--if-old` only when dist/ is missing or older than what it is
 * made from, so that a start costs no compilation; with `--types` also the types of what applications import. Plain JavaScript, because it runs before there is anything compiled.
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

/** An application that imports both has one client: the errors of a second one would not be instances of its classes. */
const sharedClient = {
  name: 'shared-client',
  setup(build) {
    build.onResolve({ filter: /\/client\/index\.ts$/ }, () => ({ path: '../client/index.js', external: true }))
  },
}

/** The ES modules of graphql: bundlers for Node choose those in CommonJS, where each use of an export calls a getter. */
const graphqlModules = {
  name: 'graphql-modules',
  setup(build) {
    build.onResolve({ filter: /^graphql(\/|$)/ }, ({ path, resolveDir, kind }) => {
      if (path.endsWith('.mjs')) return null
      const module = path === 'graphql' ? 'graphql/index.mjs' : `${path.replace(/\.js$/, '')}.mjs`
      return build.resolve(module, { resolveDir, kind })
    })
  },
}

async function compile(outdir) {
  const { build } = await loadCompiler()
  await build({
    absWorkingDir: root,
    entryPoints: ['main', 'bin', 'cli/main', 'demo/main', 'sandbox/main', 'testing/index', 'db/make-snapshot'].map(
      (name) => `src/${name}.ts`,
    ),
    outbase: source,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // The sources that run stay in memory. Stack traces need the names and short lines.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
    sourcemap: true,
    sourcesContent: false,
    // They read files of their own, are large, or are installed by those who need them.
    external: ['@aws-sdk/client-kms', '@electric-sql/pglite', '@google-cloud/kms', '@graphql-yoga/render-graphiql'],
    // Packages in CommonJS require modules of Node.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    plugins: [sharedClient, graphqlModules],
    logLevel: 'warning',
  })
}

/** The modules of the package that applications import. They contain nothing of the server, and run in browsers. */
async function compileClient(outdir) {
  const { build } = await loadCompiler()
  await build({
    absWorkingDir: root,
    entryPoints: readdirSync(join(source, 'client'))
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => `src/client/${name}`),
    outbase: source,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    external: ['@langchain/core/tools', '@mastra/core/tools', 'ai', 'react'],
    chunkNames: 'client/[name]-[hash]',
    logLevel: 'warning',
  })
}

/**
 * The operator's console: one script, one style sheet and an icon, with their hashes in their names, and the page that
 * names them by relative URLs. The libraries that it uses are in the script, so that a server needs none of them.
 */
async function compileConsole(outdir) {
  const { build } = await loadCompiler()
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/console/main.tsx', 'src/console/style.css', 'src/console/icon.svg'],
    outdir: join(outdir, 'console'),
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.svg': 'copy' },
    metafile: true,
    logLevel: 'warning',
  })
  const nameOf = (entry) => {
    const [path] = Object.entries(metafile.outputs).find(([, { inputs }]) => `src/console/${entry}` in inputs)
    return basename(path)
  }
  const page = readFileSync(join(source, 'console/index.html'), 'utf8').replaceAll(
    /assets\/([\w.]+)/g,
    (_match, entry) => `assets/${nameOf(entry)}`,
  )
  writeFileSync(join(outdir, 'console/index.html'), page)
}

/** Writes the types of what applications import. Only for a package: nothing that runs needs them. */
function declareTypes() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const all = join(output, 'types')
  for (const entry of ['client', 'testing']) {
    const options = ['--project', join(source, entry), '--outDir', all]
    const { status } = spawnSync(process.execPath, [compiler, ...options], { stdio: 'inherit' })
    if (status !== 0) process.exit(status ?? 1)
    // Without those of the server, which it contains.
    cpSync(join(all, entry), join(output, entry), { recursive: true })
  }
  rmSync(all, { recursive: true })
}

if (!process.argv.includes('--if-old') || !isCurrent()) {
  // Compiled next to the old output, which stays in use until the new one is complete.
  const fresh = `${output}.${process.pid}`
  const startedAt = new Date()
  try {
    await compile(fresh)
    await compileClient(fresh)
    await compileConsole(fresh)
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

if (process.argv.includes('--types')) declareTypes()
