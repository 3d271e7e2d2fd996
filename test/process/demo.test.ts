import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

const startDemo = () => {
  const child = spawn(process.execPath, ['dist/demo/main.js'], {
    cwd: new URL('../..', import.meta.url),
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  return { child, exited: once(child, 'exit'), errors: () => errors }
}

it('the demo runs all steps and prints a summary, without colors in a pipe', async () => {
  const { child, exited, errors } = startDemo()
  let shown = ''
  child.stdout.on('data', (chunk) => {
    shown += chunk
  })
  expect(await exited).toEqual([0, null])
  expect(shown.trimEnd().split('\n').at(-1)).toMatch(/^10 steps\. All steps succeeded/)
  expect(shown).not.toContain('\u001b')
  expect(shown).not.toMatch(/ntn_|nrt_/)
  expect(errors()).toBe('')
})

it('the demo exits normally when its reader closes the output', async () => {
  const { child, exited, errors } = startDemo()
  await once(child.stdout, 'data')
  child.stdout.destroy()
  expect(await exited).toEqual([0, null])
  expect(errors()).toBe('')
})
