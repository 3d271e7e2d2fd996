import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

const startDemo = () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/demo/main.ts'], {
    cwd: new URL('../..', import.meta.url),
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints += chunk
  })
  return { child, exited: once(child, 'exit'), complaints: () => complaints }
}

it('the demo goes through all steps and ends in a summary, plain in a pipe', async () => {
  const { child, exited, complaints } = startDemo()
  let shown = ''
  child.stdout.on('data', (chunk) => {
    shown += chunk
  })
  expect(await exited).toEqual([0, null])
  expect(shown.trimEnd().split('\n').at(-1)).toMatch(/^10 steps\. All steps did what they should/)
  expect(shown).not.toContain('\u001b')
  expect(shown).not.toMatch(/ntn_|nrt_/)
  expect(complaints()).toBe('')
})

it('the demo ends in order when its reader stops reading', async () => {
  const { child, exited, complaints } = startDemo()
  await once(child.stdout, 'data')
  child.stdout.destroy()
  expect(await exited).toEqual([0, null])
  expect(complaints()).toBe('')
})
