import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toolExamples } from '../../src/notion/tool-examples.ts'
import { exampleCalls } from '../../src/reference/example-calls.ts'
import { checkInput } from '../../src/tools/input.ts'
import { exampleLimits } from '../../src/tools/tool-example.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { toolbox } from './support.ts'

const { tools, tool } = toolbox()
/** Those that every account may call, about content that the sandbox has at its start. */
const reading = tools.filter(
  ({ name, readOnly, rawRequests }) => readOnly && !rawRequests && exampleCalls[name]?.before === undefined,
)

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.connect('reader', { user: 'owner@acme.test' })
})
afterAll(() => app.stop())

describe('the examples in the documentation', () => {
  it('are there for each tool, with a valid input, and no others', () => {
    expect(Object.keys(toolExamples)).toEqual(tools.map(({ name }) => name))
    expect(Object.keys(exampleCalls).sort()).toEqual(tools.map(({ name }) => name).sort())
    for (const [name, { input }] of Object.entries(toolExamples))
      expect(() => checkInput(tool(name), JSON.parse(input)), name).not.toThrow()
  })

  it('are short', () => {
    for (const [name, { results }] of Object.entries(toolExamples)) {
      for (const result of Object.values(results)) {
        const lines = result.split('\n')
        expect(lines.length, name).toBeLessThanOrEqual(exampleLimits.lines + 1)
        for (const line of lines) expect(line.length, name).toBeLessThanOrEqual(exampleLimits.characters + 2)
      }
    }
  })

  it.each(reading.map(({ name }) => name))('are what a call of %s returns on a new server', async (name) => {
    const { input, results } = toolExamples[name] ?? { input: '', results: { MARKDOWN: '', COMPACT: '', RAW: '' } }
    for (const outputFormat of ['MARKDOWN', 'COMPACT'] as const) {
      const { data } = await app.executeTool('reader', name, JSON.parse(input) as Record<string, unknown>, {
        outputFormat,
      })
      const text = typeof data === 'string' ? data : JSON.stringify(data, null, 2)
      const whole = withoutOwnIds(text).split('\n')
      const shown = withoutOwnIds(results[outputFormat]).split('\n')
      for (const [index, line] of shown.entries()) {
        if (line.startsWith('… ')) continue
        expect(whole[index]?.startsWith(line.replace(/ …$/, '')), `${outputFormat}: ${line}`).toBe(true)
      }
    }
  })
})

/** IDs that do not begin as those of the content: the sandbox makes them when it starts and when a user consents. */
const withoutOwnIds = (text: string) =>
  text.replaceAll(/\b(?!ac3e0000|2561ab6c|a1b2c3d4)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b/g, 'ID')
