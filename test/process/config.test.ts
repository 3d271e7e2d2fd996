import { randomBytes } from 'node:crypto'
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
  it('has a default for every variable in development', () => {
    expect(readConfig({})).toMatchObject({
      environment: 'development',
      host: '127.0.0.1',
      port: 4000,
      publicUrl: null,
      databaseUrl: null,
      sandbox: true,
      apiUrls: {},
      resultBytes: 102_400,
    })
    expect(readConfig({ VALETKEY_RESULT_BYTES: '20000' })).toMatchObject({ resultBytes: 20_000 })
  })

  it('treats an empty variable as absent', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '  ' })).toMatchObject({ port: 4000, databaseUrl: null })
  })

  it('reports every problem at once', () => {
    const problems = problemsOf({
      PORT: '70000',
      DATABASE_URL: 'mysql://x',
      VALETKEY_MASTER_KEY: 'short',
      VALETKEY_SANDBOX: 'maybe',
      NOTION_API_URL: 'ftp://notion',
      LOG_LEVEL: 'loud',
      VALETKEY_RESULT_BYTES: '1',
    })
    for (const name of [
      'PORT',
      'DATABASE_URL',
      'VALETKEY_MASTER_KEY',
      'VALETKEY_SANDBOX',
      'NOTION_API_URL',
      'LOG_LEVEL',
      'VALETKEY_RESULT_BYTES',
    ]) {
      expect(
        problems.some((problem) => problem.startsWith(name)),
        name,
      ).toBe(true)
    }
  })

  it('accepts a direct URL only together with the URL of a server', () => {
    const direct = { NODE_ENV: 'development', DATABASE_DIRECT_URL: 'postgres://server/x' }
    expect(problemsOf(direct)).toEqual(['DATABASE_URL is required with DATABASE_DIRECT_URL'])
    expect(problemsOf({ ...direct, DATABASE_DIRECT_URL: 'server' })).toContain(
      'DATABASE_DIRECT_URL must be a postgres:// URL',
    )
    expect(readConfig({ ...direct, DATABASE_URL: 'postgres://pooler/x' })).toMatchObject({
      databaseUrl: 'postgres://pooler/x',
      databaseDirectUrl: 'postgres://server/x',
    })
  })

  it('allows webhooks to this machine in development, and to private networks only where they are listed', () => {
    const production = {
      NODE_ENV: 'production',
      VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
      VALETKEY_BOOTSTRAP_API_KEY: randomBytes(24).toString('hex'),
    }
    expect(readConfig({}).webhookPrivateNetworks).toEqual(['127.0.0.0/8', '::1'])
    expect(readConfig(production).webhookPrivateNetworks).toEqual([])
    const listed = { VALETKEY_WEBHOOK_PRIVATE_NETWORKS: '10.0.0.0/8, fd00::/8' }
    expect(readConfig({ ...production, ...listed }).webhookPrivateNetworks).toEqual(['10.0.0.0/8', 'fd00::/8'])
    expect(readConfig(listed).webhookPrivateNetworks).toEqual(['10.0.0.0/8', 'fd00::/8'])
    expect(problemsOf({ VALETKEY_WEBHOOK_PRIVATE_NETWORKS: 'internal' }).join()).toContain('must be addresses')
  })

  it('permits several workers only with a Postgres server and without the sandbox', () => {
    const several = { VALETKEY_WORKERS: '4' }
    expect(problemsOf(several)).toEqual([
      'VALETKEY_WORKERS must be 1 with the embedded database; set DATABASE_URL to a Postgres server',
      'VALETKEY_WORKERS must be 1 with the sandbox; set VALETKEY_SANDBOX=off',
    ])
    const server = { NODE_ENV: 'development', DATABASE_URL: 'postgres://localhost/x', VALETKEY_SANDBOX: 'off' }
    expect(readConfig({ ...server, ...several })).toMatchObject({ workers: 4 })
    expect(readConfig({ ...server, VALETKEY_WORKERS: 'auto' }).workers).toBeGreaterThan(0)
    expect(readConfig({ VALETKEY_WORKERS: '1' })).toMatchObject({ workers: 1 })
    for (const wrong of ['0', '65', 'many', '1.5'])
      expect(problemsOf({ VALETKEY_WORKERS: wrong })).toContain(
        'VALETKEY_WORKERS must be auto or a whole number between 1 and 64',
      )
  })

  it('requires a server for a replica', () => {
    const replica = { NODE_ENV: 'development', DATABASE_REPLICA_URL: 'postgres://standby/x' }
    expect(problemsOf(replica)).toEqual(['DATABASE_URL is required with DATABASE_REPLICA_URL'])
    expect(readConfig({ ...replica, DATABASE_URL: 'postgres://primary/x' })).toMatchObject({
      databaseReplicaUrl: 'postgres://standby/x',
    })
  })

  it('takes addresses and networks as trusted proxies, and nothing else', () => {
    const networks = '10.0.0.0/8, 192.0.2.1,fd00::/8'
    expect(readConfig({ TRUSTED_PROXIES: networks }).trustedProxies).toEqual(['10.0.0.0/8', '192.0.2.1', 'fd00::/8'])
    for (const wrong of ['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', '10.0.0.0/8/8', 'all', '*']) {
      expect(problemsOf({ TRUSTED_PROXIES: wrong }).join(), wrong).toContain('TRUSTED_PROXIES must be addresses')
    }
  })

  it('takes a Redis server only with a Postgres server, and does not repeat its password', () => {
    const url = 'rediss://user:secret@redis.internal:6379'
    const server = { NODE_ENV: 'development', DATABASE_URL: 'postgres://host/name' }
    expect(readConfig({ ...server, REDIS_URL: url }).redisUrl).toBe(url)
    const problems = problemsOf({ REDIS_URL: 'http://user:secret@host' })
    expect(problems).toEqual([
      'REDIS_URL must be a redis:// or rediss:// URL',
      'DATABASE_URL is required with REDIS_URL: the embedded database has a single process',
    ])
  })

  it.each([
    ['redis://127.0.0.1:6379/banana', 'REDIS_URL must have no path but the number of a database, such as /0'],
    ['redis://:se%cret@127.0.0.1:6379', 'REDIS_URL must have % in the user name and the password written as %25'],
  ])('refuses %s, which the client of Redis cannot read', (url, problem) => {
    const server = { NODE_ENV: 'development', DATABASE_URL: 'postgres://host/name' }
    expect(problemsOf({ ...server, REDIS_URL: url })).toEqual([problem])
    for (const valid of ['redis://:se%25cret@host/', 'redis://host/15'])
      expect(readConfig({ ...server, REDIS_URL: valid }).redisUrl).toBe(valid)
  })

  it('does not repeat a secret in a problem', () => {
    expect(problemsOf({ VALETKEY_MASTER_KEY: 'not-a-key-but-secret' }).join()).not.toContain('not-a-key-but-secret')
  })

  it('refuses credentials in URLs that are printed and sent to browsers', () => {
    const problems = problemsOf({
      NODE_ENV: 'development',
      PUBLIC_URL: 'https://user:secret@host',
      NOTION_API_URL: 'https://user@host',
    })
    expect(problems).toEqual([
      'PUBLIC_URL must not have a user name or a password',
      'NOTION_API_URL must not have a user name or a password',
    ])
  })

  it('requires a master key in production, where the sandbox is off', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^VALETKEY_MASTER_KEY \(or VALETKEY_TRANSIT_KEY or .+\) is required/),
    ])
    const config = readConfig({
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://valetkey.example.com/',
      VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
    })
    expect(config).toMatchObject({ sandbox: false, publicUrl: 'https://valetkey.example.com' })
  })

  it('accepts a short bootstrap key in development only', () => {
    const env = { VALETKEY_BOOTSTRAP_API_KEY: 'dev-key-1' }
    expect(readConfig(env).bootstrapApiKey).toBe('dev-key-1')
    for (const more of [{}, { LOG_LEVEL: 'loud' }]) {
      const problems = problemsOf({ ...env, ...more, NODE_ENV: 'production' })
      expect(problems.join()).toContain('VALETKEY_BOOTSTRAP_API_KEY')
    }
  })

  it.each([
    ['HTTPS://Valetkey.Example.COM:443/', 'https://valetkey.example.com'],
    ['https://bücher.example//', 'https://xn--bcher-kva.example'],
    ['https:\\\\valetkey.example.com\\a\\..\\b\\', 'https://valetkey.example.com/b'],
    [' https://valetkey.example.com:8443/keys ', 'https://valetkey.example.com:8443/keys'],
    ['http://0x7F.1:4000', 'http://127.0.0.1:4000'],
  ])('normalizes the public URL %j', (given, normalized) => {
    expect(readConfig({ NODE_ENV: 'development', PUBLIC_URL: given }).publicUrl).toBe(normalized)
  })

  it.each([
    {},
    { HOST: '127.0.0.2' },
    { HOST: '::1' },
    { HOST: 'localhost', PUBLIC_URL: 'http://app.localhost:4000' },
    { PUBLIC_URL: 'http://[::1]' },
    { NODE_ENV: 'test', DATABASE_URL: 'postgres://localhost/x' },
    { NODE_ENV: 'development', HOST: '0.0.0.0', PUBLIC_URL: 'http://valetkey.example', DATABASE_URL: 'postgres://x/x' },
  ])('is for development with %j, where it requires nothing', (env) => {
    const config = readConfig({ ...env, VALETKEY_BOOTSTRAP_API_KEY: 'changeme' })
    expect(config.environment).not.toBe('production')
    expect(config.sandbox).toBe(true)
  })

  it.each([
    { HOST: '0.0.0.0' },
    { HOST: '::' },
    { HOST: '10.1.2.3' },
    { HOST: 'valetkey' },
    { HOST: '127.0.0.1.example.com' },
    { PUBLIC_URL: 'https://valetkey.example.com' },
    { PUBLIC_URL: 'HTTPS://localhost.example.com' },
    { PUBLIC_URL: 'https://192.168.0.7' },
    { DATABASE_URL: 'postgres://localhost/valetkey' },
    { NODE_ENV: 'test', HOST: '0.0.0.0' },
    { NODE_ENV: 'test', PUBLIC_URL: 'https://valetkey.example.com' },
  ])('is for production with %j, and says why and what to set', (env) => {
    const problems = problemsOf(env)
    expect(problems).toEqual([
      expect.stringMatching(/^VALETKEY_MASTER_KEY .+ is required in production; generate .+master\.key/),
      expect.stringMatching(
        /^NODE_ENV is (?:not set|test) and (?:HOST|PUBLIC_URL|DATABASE_URL) is .+NODE_ENV=development/,
      ),
    ])
    expect(readConfig({ ...env, ...masterKey })).toMatchObject({ environment: 'production', sandbox: false })
  })

  const masterKey = { VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }

  it.each([
    ['zeros', Buffer.alloc(32)],
    ['one byte', Buffer.alloc(32, 0xff)],
    ['two bytes in turn', Buffer.alloc(32, Buffer.from([0x00, 0xff]))],
    ['a repeated word', Buffer.alloc(32, Buffer.from('deadbeef', 'hex'))],
    ['one letter', Buffer.alloc(32, 'a')],
    ['counting bytes', Buffer.from(Array.from({ length: 32 }, (_, at) => at))],
    ['bytes that count down', Buffer.from(Array.from({ length: 32 }, (_, at) => 255 - at))],
    ['bytes in steps', Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 11) % 256))],
    ['a sentence', Buffer.from('my secret master key for prod 1!')],
    ['words', Buffer.from('correct horse battery staple 42\n')],
    ['digits', Buffer.from('31415926535897932384626433832795')],
    ['a few bytes before zeros', Buffer.concat([randomBytes(8), Buffer.alloc(24)])],
    ['a few bytes after zeros', Buffer.concat([Buffer.alloc(24), randomBytes(8)])],
  ])('refuses a master key of %s in production, also as an older one', (_what, bytes) => {
    const guessable = bytes.toString('base64')
    const unpadded = bytes.toString('base64url')
    const random = randomBytes(32).toString('base64')
    for (const keys of [guessable, unpadded, `${random},${guessable}`, `${guessable} , ${random}`]) {
      for (const deployed of [{ NODE_ENV: 'production' }, { PUBLIC_URL: 'https://valetkey.example.com' }]) {
        const [problem] = problemsOf({ ...deployed, VALETKEY_MASTER_KEY: keys })
        expect(problem).toMatch(/^VALETKEY_MASTER_KEY must be random .+generate one with: npm run valetkey/)
        expect(problem).not.toContain(guessable)
      }
      expect(problemsOf({ NODE_ENV: 'development', VALETKEY_MASTER_KEY: keys })).toEqual([])
    }
  })

  it('accepts random master keys in production', () => {
    for (let round = 0; round < 2_000; round++) {
      const env = { NODE_ENV: 'production', VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
      expect(problemsOf(env), env.VALETKEY_MASTER_KEY).toEqual([])
    }
  })

  it.each([
    'changeme',
    'changeme-changeme-changeme-changeme',
    'Password123456789012345678901234',
    'a'.repeat(512),
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'test-key-test-key-test-key',
    'please-change-this-secret-api-key',
    'c2hvcnQgYW5kIHJhbmRvbQ',
  ])('refuses the bootstrap key %s in production', (key) => {
    const env = { ...masterKey, NODE_ENV: 'production', VALETKEY_BOOTSTRAP_API_KEY: key }
    expect(problemsOf(env)).toEqual([expect.stringMatching(/^VALETKEY_BOOTSTRAP_API_KEY .+openssl rand/)])
  })

  it('accepts random bootstrap keys in production', () => {
    for (let round = 0; round < 200; round++) {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        const key = randomBytes(18).toString(encoding)
        const env = { ...masterKey, NODE_ENV: 'production', VALETKEY_BOOTSTRAP_API_KEY: key }
        expect(problemsOf(env), key).toEqual([])
      }
    }
  })

  it('refuses an http public URL in production, unless it is on this machine or allowed', () => {
    const production = { ...masterKey, NODE_ENV: 'production' }
    for (const url of ['http://valetkey.example.com', 'HTTP://10.0.0.1:4000', ' http://localhost.example.com']) {
      const env = { ...production, PUBLIC_URL: url }
      expect(problemsOf(env)).toEqual([expect.stringMatching(/^PUBLIC_URL .+VALETKEY_ALLOW_HTTP_PUBLIC_URL=on/)])
      expect(readConfig({ ...env, VALETKEY_ALLOW_HTTP_PUBLIC_URL: 'on' }).publicUrl).toMatch(/^http:/)
    }
    expect(problemsOf({ ...production, PUBLIC_URL: 'http://localhost:4000' })).toEqual([])
  })

  const transit = { VALETKEY_TRANSIT_KEY: 'valetkey', VAULT_ADDR: 'https://bao.example:8200', VAULT_TOKEN: 't' }
  const awsArn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
  const googleName = 'projects/p-1/locations/europe-west3/keyRings/valetkey/cryptoKeys/tokens'

  it.each([
    [
      'a transit engine',
      transit,
      { kind: 'transit', key: 'valetkey', address: 'https://bao.example:8200', token: 't', namespace: null },
    ],
    ['AWS KMS by an ARN', { VALETKEY_AWS_KMS_KEY: awsArn }, { kind: 'aws-kms', key: awsArn }],
    ['AWS KMS by an alias', { VALETKEY_AWS_KMS_KEY: 'alias/valetkey' }, { kind: 'aws-kms', key: 'alias/valetkey' }],
    [
      'Google Cloud KMS',
      { VALETKEY_GOOGLE_KMS_KEY: googleName },
      { kind: 'google-kms', key: googleName, endpoint: null },
    ],
    [
      'a stand-in for Google Cloud KMS',
      { VALETKEY_GOOGLE_KMS_KEY: googleName, VALETKEY_GOOGLE_KMS_ENDPOINT: 'http://127.0.0.1:8123' },
      { kind: 'google-kms', key: googleName, endpoint: 'http://127.0.0.1:8123' },
    ],
  ])('accepts %s instead of master keys, also in production', (_, env, keyService) => {
    const config = readConfig({ ...env, NODE_ENV: 'production' })
    expect(config).toMatchObject({ keyService, masterKeys: null })
  })

  it('accepts one source of the key-encryption key, and names those that are set together', () => {
    const masterKey = Buffer.alloc(32, 7).toString('base64')
    expect(problemsOf({ ...transit, VALETKEY_MASTER_KEY: masterKey })).toEqual([
      'VALETKEY_MASTER_KEY and VALETKEY_TRANSIT_KEY must not be set together',
    ])
    expect(problemsOf({ VALETKEY_AWS_KMS_KEY: awsArn, VALETKEY_GOOGLE_KMS_KEY: googleName })).toEqual([
      'VALETKEY_AWS_KMS_KEY and VALETKEY_GOOGLE_KMS_KEY must not be set together',
    ])
  })

  it('reports every problem of the key services at once', () => {
    const problems = problemsOf({
      VALETKEY_TRANSIT_KEY: 'valetkey',
      VALETKEY_AWS_KMS_KEY: 'arn:aws:s3:::bucket',
      VALETKEY_GOOGLE_KMS_KEY: `${googleName}/cryptoKeyVersions/1`,
      VALETKEY_GOOGLE_KMS_ENDPOINT: 'https://kms.example/v1',
    })
    for (const start of [
      'VALETKEY_AWS_KMS_KEY must be',
      'VALETKEY_GOOGLE_KMS_KEY must be',
      'VALETKEY_GOOGLE_KMS_ENDPOINT must be',
      'VAULT_ADDR is required',
      'VAULT_TOKEN is required',
      'VALETKEY_TRANSIT_KEY and VALETKEY_AWS_KMS_KEY and VALETKEY_GOOGLE_KMS_KEY must not',
    ]) {
      expect(
        problems.some((problem) => problem.startsWith(start)),
        start,
      ).toBe(true)
    }
  })

  it('accepts several master keys, the newest first', () => {
    const [newest, older] = [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('base64')]
    expect(readConfig({ VALETKEY_MASTER_KEY: `${newest}, ${older}` }).masterKeys).toEqual([newest, older])
  })
})
