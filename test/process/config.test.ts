import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from '../../src/config.ts'

const problemsOf = (env: Record<string, string>) => {
  try {
    readConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('the configuration', () => {
  it('needs nothing in development', () => {
    expect(readConfig({})).toMatchObject({
      environment: 'development',
      host: '127.0.0.1',
      port: 4000,
      publicUrl: null,
      databaseUrl: null,
      sandbox: true,
      notionApiUrl: 'https://api.notion.com',
    })
  })

  it('takes an empty variable for an absent one', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '  ' })).toMatchObject({ port: 4000, databaseUrl: null })
  })

  it('names every problem at once', () => {
    const problems = problemsOf({
      PORT: '70000',
      DATABASE_URL: 'mysql://x',
      VALETKEY_MASTER_KEY: 'short',
      VALETKEY_SANDBOX: 'maybe',
      NOTION_API_URL: 'ftp://notion',
      LOG_LEVEL: 'loud',
    })
    for (const name of [
      'PORT',
      'DATABASE_URL',
      'VALETKEY_MASTER_KEY',
      'VALETKEY_SANDBOX',
      'NOTION_API_URL',
      'LOG_LEVEL',
    ]) {
      expect(
        problems.some((problem) => problem.startsWith(name)),
        name,
      ).toBe(true)
    }
  })

  it('repeats no value of a secret in its problems', () => {
    expect(problemsOf({ VALETKEY_MASTER_KEY: 'not-a-key-but-secret' }).join()).not.toContain('not-a-key-but-secret')
  })

  it('requires a master key in production, where the sandbox is off', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      expect.stringContaining('VALETKEY_MASTER_KEY (or VALETKEY_TRANSIT_KEY) is required'),
    ])
    const config = readConfig({
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://valetkey.example.com/',
      VALETKEY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    })
    expect(config).toMatchObject({ sandbox: false, publicUrl: 'https://valetkey.example.com' })
  })

  it('takes a short bootstrap key in development only', () => {
    const env = { VALETKEY_BOOTSTRAP_API_KEY: 'dev-key-1' }
    expect(readConfig(env).bootstrapApiKey).toBe('dev-key-1')
    expect(problemsOf({ ...env, NODE_ENV: 'production' }).join()).toContain('VALETKEY_BOOTSTRAP_API_KEY')
  })

  it('takes a transit engine in the place of master keys, with its address and token', () => {
    const env = { VALETKEY_TRANSIT_KEY: 'valetkey', VAULT_ADDR: 'https://bao.example:8200', VAULT_TOKEN: 't' }
    expect(readConfig({ ...env, NODE_ENV: 'production' }).transit).toMatchObject({ key: 'valetkey', namespace: null })
    expect(problemsOf({ VALETKEY_TRANSIT_KEY: 'valetkey' })).toHaveLength(2)
    expect(problemsOf({ ...env, VALETKEY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') })).toHaveLength(1)
  })

  it('takes several master keys, the newest first', () => {
    const [newest, older] = [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('base64')]
    expect(readConfig({ VALETKEY_MASTER_KEY: `${newest}, ${older}` }).masterKeys).toEqual([newest, older])
  })
})
