import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

/** Packs the package into a directory, as it is published, and returns the path of the archive. */
export async function packPackage(directory: string): Promise<string> {
  // Packed from a copy, because packing compiles and other tests run what is compiled.
  const source = join(directory, 'source')
  await mkdir(source)
  const { files } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { files: string[] }
  for (const name of ['package.json', 'tsconfig.json', 'README.md', 'LICENSE', 'src', ...files]) {
    if (name !== 'dist') await cp(join(root, name), join(source, name), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(source, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', directory], { cwd: source })
  return join(directory, (await readdir(directory)).find((name) => name.endsWith('.tgz')) ?? '')
}
