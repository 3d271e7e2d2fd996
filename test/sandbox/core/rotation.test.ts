import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RunningSandbox, Tokens } from '../support.ts'
import { startSandbox } from '../support.ts'

let sandbox: RunningSandbox

beforeAll(async () => {
  sandbox = await startSandbox({ rateLimitPerMinute: 10_000 })
})
beforeEach(() => sandbox.control('reset'))
afterAll(() => sandbox.close())

async function refresh(refreshToken: string): Promise<Tokens> {
  const { status, body } = await sandbox.token({ grant_type: 'refresh_token', refresh_token: refreshToken })
  if (status !== 200) throw new Error(String(body.error))
  return body as unknown as Tokens
}
const works = async (accessToken: string) => (await sandbox.call(accessToken, 'GET', '/v1/users/me')).status === 200

describe('strict rotation', () => {
  it('ends the old access token at the refresh', async () => {
    const first = await sandbox.connect()
    const second = await refresh(first.refresh_token)
    expect([await works(first.access_token), await works(second.access_token)]).toEqual([false, true])
  })

  it('ends the whole family when a refresh token is used a second time', async () => {
    const first = await sandbox.connect()
    const second = await refresh(first.refresh_token)
    await expect(refresh(first.refresh_token)).rejects.toThrow('invalid_grant')
    expect(await works(second.access_token)).toBe(false)
    await expect(refresh(second.refresh_token)).rejects.toThrow('invalid_grant')
  })

  it('allows exactly one of several concurrent refreshes', async () => {
    const { refresh_token } = await sandbox.connect()
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => refresh(refresh_token)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('does not affect other users and clients when a family ends', async () => {
    const member = await sandbox.connect({ user: 'member@acme.test' })
    const otherClient = await sandbox.connect({}, { id: 'other', secret: 'x' })
    const { refresh_token } = await sandbox.connect()
    await refresh(refresh_token)
    await expect(refresh(refresh_token)).rejects.toThrow()
    expect([await works(member.access_token), await works(otherClient.access_token)]).toEqual([true, true])
  })

  it('stores a limited number of exchanged tokens', async () => {
    let { refresh_token } = await sandbox.connect()
    for (let count = 0; count < 250; count += 1) refresh_token = (await refresh(refresh_token)).refresh_token
    await expect(refresh(refresh_token)).resolves.toBeTruthy()
  })
})

describe('rotation with grace', () => {
  beforeEach(() => sandbox.control('mode', { rotation: 'grace' }))

  it('returns the same pair until the new access token is used', async () => {
    const first = await sandbox.connect()
    const second = await refresh(first.refresh_token)
    expect(await refresh(first.refresh_token)).toMatchObject({
      access_token: second.access_token,
      refresh_token: second.refresh_token,
    })
    expect(await works(first.access_token)).toBe(true)
    expect(await works(second.access_token)).toBe(true)
    expect(await works(first.access_token)).toBe(false)
    await expect(refresh(first.refresh_token)).rejects.toThrow('invalid_grant')
    expect(await works(second.access_token)).toBe(true)
  })

  it('returns another pair when the first one expired unused', async () => {
    await sandbox.control('mode', { accessTokenTtlSeconds: 3600 })
    const first = await sandbox.connect()
    const second = await refresh(first.refresh_token)
    await sandbox.control('expire', { access: true })
    const third = await refresh(first.refresh_token)
    expect(third.access_token).not.toBe(second.access_token)
    expect(await works(third.access_token)).toBe(true)
  })

  it('does not end a refresh token with an unused successor when that of its predecessor is used', async () => {
    const first = await sandbox.connect()
    const second = await refresh(first.refresh_token)
    const third = await refresh(second.refresh_token)
    expect(await works(second.access_token)).toBe(true)
    expect(await refresh(second.refresh_token)).toMatchObject({ access_token: third.access_token })
  })
})

describe('no rotation', () => {
  it('renews only the access token', async () => {
    await sandbox.control('mode', { rotation: 'none' })
    const first = await sandbox.connect()
    const second = await refresh(first.refresh_token)
    const third = await refresh(first.refresh_token)
    expect([second.refresh_token, third.refresh_token]).toEqual([first.refresh_token, first.refresh_token])
    expect(new Set([first.access_token, second.access_token, third.access_token]).size).toBe(3)
    expect(await works(first.access_token)).toBe(true)
  })

  it('deletes the oldest access tokens over the maximum, and never the refresh token', async () => {
    await sandbox.control('mode', { rotation: 'none' })
    const first = await sandbox.connect()
    for (let count = 0; count < 250; count += 1) await refresh(first.refresh_token)
    expect(await works(first.access_token)).toBe(false)
    expect(await works((await refresh(first.refresh_token)).access_token)).toBe(true)
  })
})

describe('another authorization by the same user and client', () => {
  it('ends the older refresh token, not the older access token, and has another bot', async () => {
    const first = await sandbox.connect()
    const second = await sandbox.connect()
    expect(second.bot_id).not.toBe(first.bot_id)
    expect([await works(first.access_token), await works(second.access_token)]).toEqual([true, true])
    await expect(refresh(first.refresh_token)).rejects.toThrow('invalid_grant')
    expect(await works((await refresh(second.refresh_token)).access_token)).toBe(true)
  })

  it('returns the active pair in the mode "same"', async () => {
    await sandbox.control('mode', { reauthorization: 'same' })
    const first = await sandbox.connect()
    expect(await sandbox.connect()).toMatchObject({
      access_token: first.access_token,
      refresh_token: first.refresh_token,
      bot_id: first.bot_id,
    })
    await sandbox.control('expire', { access: true })
    expect((await sandbox.connect()).access_token).not.toBe(first.access_token)
  })

  it('replaces the shared content', async () => {
    const [notes, projects] = ['a1b2c3d4-e5f6-7890-abcd-ef1234567890', '2561ab6c-418b-8072-beec-c4779fa811cf']
    await sandbox.connect({ resources: notes })
    const { access_token } = await sandbox.connect({ resources: projects })
    expect((await sandbox.call(access_token, 'GET', `/v1/databases/${projects}`)).status).toBe(200)
    expect((await sandbox.call(access_token, 'GET', `/v1/pages/${notes}`)).status).toBe(404)
  })
})
