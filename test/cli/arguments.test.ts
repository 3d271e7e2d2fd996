import { describe, expect, it } from 'vitest'
import { UsageError } from '../../src/cli/command.ts'
import { help } from '../../src/cli/help.ts'
import { run } from '../../src/cli/run.ts'
import { type CommandName, commands, type OptionName, options } from '../../src/cli/syntax.ts'

/** Without a database, so that a command which goes on fails. */
const env = { DATABASE_URL: 'postgres://user@127.0.0.1:1/none', NODE_ENV: 'development' }

const failureOf = async (argv: readonly string[], variables: Record<string, string> = env): Promise<unknown> => {
  const ignore = () => {}
  return run(argv, variables, ignore, ignore, { readLine: async () => 'line', close: ignore }).catch(
    (error: unknown) => error,
  )
}

const optionNames = Object.keys(options) as OptionName[]
const withValue = (option: OptionName) =>
  options[option].type === 'string' ? [`--${option}`, 'value'] : [`--${option}`]

describe.each(Object.entries(commands) as [CommandName, (typeof commands)[CommandName]][])('%s', (name, syntax) => {
  const taken: readonly OptionName[] = syntax.options
  const subject = 'subject' in syntax ? ['subject'] : []
  const argv = [...name.split(' '), ...subject]

  it('refuses each option that it does not take', async () => {
    const others = optionNames.filter((option) => option !== 'help' && !taken.includes(option))
    expect(others).not.toEqual([])
    for (const option of others) {
      const failure = await failureOf([...argv, ...withValue(option)])
      expect(failure).toBeInstanceOf(UsageError)
      expect((failure as Error).message).toMatch(`--${option} is not an option of ${name}. ${name} takes `)
    }
  })

  it('refuses an argument too many', async () => {
    const failure = await failureOf([...argv, 'production'])
    expect(failure).toBeInstanceOf(UsageError)
    expect((failure as Error).message).toMatch(
      name.startsWith('oauth-apps ')
        ? `too many arguments. ${name} takes `
        : `unexpected argument "production". ${name} takes `,
    )
  })

  it('is described by the help with all its options', () => {
    const shown = name.replace(/^keys (create|narrow|list|revoke)$/, 'api-keys $1')
    const section = help.split(/^(?=\w)/m).find((text) => text.includes(`\n  ${shown} `)) ?? ''
    expect(`${section} `).toMatch(`\n  ${[shown, ...('subject' in syntax ? [syntax.subject] : [])].join(' ')}`)
    for (const option of taken) expect(section).toMatch(new RegExp(`--${option}\\b`))
  })
})

it.each([
  'accounts disconnect-all --environment staging --environment production --yes',
  'accounts export --connection notion --connection other',
  'environments policy default --connection notion --connection other --clear',
  'mcp --identifier alice --identifier bob',
])('refuses an option of "%s" that is given twice', async (line) => {
  const failure = await failureOf(line.split(' '))
  expect(failure).toBeInstanceOf(UsageError)
  expect((failure as Error).message).toMatch(/^--\w+ must be given at most once$/)
})

it.each(['list', 'register', 'verify', 'webhook', 'redirect-uri'])(
  'oauth-apps %s on a server refuses an environment other than that of the API key',
  async (action) => {
    const server = { VALETKEY_URL: 'http://127.0.0.1:1', VALETKEY_API_KEY: 'vk_key' }
    const failure = await failureOf(['oauth-apps', action, '--environment', 'production'], server)
    expect(failure).toBeInstanceOf(UsageError)
    expect((failure as Error).message).toContain('--environment must not be used with VALETKEY_URL')
  },
)
