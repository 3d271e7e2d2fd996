import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { DirectoryLockedError, DirectoryUnusableError, lockDirectory } from '../../src/db/directory-lock.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valetkey-lock-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it('one process holds a directory at a time, and another one after its release', async () => {
  const release = await lockDirectory(directory)
  await expect(lockDirectory(directory)).rejects.toBeInstanceOf(DirectoryLockedError)
  await release()
  await (await lockDirectory(directory))()
})

it('of many concurrent attempts to lock a directory, exactly one succeeds', async () => {
  const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)))
  const held = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
  expect(held).toHaveLength(1)
  await held[0]?.()
})

it('a killed process does not leave a lock', async () => {
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(new URL('../../src/db/directory-lock.ts', import.meta.url).href)})
    await lockDirectory(${JSON.stringify(directory)})
    console.log('held')
    setInterval(() => {}, 1000)
  `
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await expect(lockDirectory(directory)).rejects.toThrow(`pid ${child.pid}`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await lockDirectory(directory))()
})

it('locks a path that is too long for a socket', async () => {
  const long = join(directory, 'a'.repeat(60), 'b'.repeat(60))
  const release = await lockDirectory(long)
  await expect(lockDirectory(long)).rejects.toBeInstanceOf(DirectoryLockedError)
  await release()
})

it('reports a directory that cannot be created or written', async () => {
  const file = join(directory, 'file')
  await writeFile(file, '')
  for (const path of [file, join(file, 'below'), '/proc/valetkey', '/proc/valetkey/below']) {
    const refusal = await lockDirectory(path).catch((error: unknown) => error)
    expect(refusal, path).toBeInstanceOf(DirectoryUnusableError)
    expect(String(refusal)).toContain('Set VALETKEY_DATA_DIR to')
  }
})
