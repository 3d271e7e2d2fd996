import type dns from 'node:dns'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAddressGuard, isPublicAddress } from '../../src/webhooks/address-guard.ts'
import { type Receiver, startReceiver, status } from './support.ts'

describe('an address', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '100.63.255.255',
    '100.128.0.0',
    '169.253.255.255',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each([
    ['this host', '0.0.0.0', '0.1.2.3', '::', '::0.0.0.0'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1', '::127.0.0.1'],
    ['private', '10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fdff::1'],
    ['shared', '100.64.0.1', '100.127.255.255'],
    ['link-local', '169.254.0.1', '169.254.255.255', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1'],
    ['a metadata service', '169.254.169.254', '100.100.100.200', '192.0.0.192', '168.63.129.16', 'fd00:ec2::254'],
    ['for documentation and tests', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '198.19.255.255'],
    ['for documentation and tests', '2001:db8::1', '3fff::1'],
    [
      'multicast, reserved or broadcast',
      '224.0.0.1',
      '239.1.1.1',
      '240.0.0.1',
      '255.255.255.255',
      'ff02::1',
      '192.88.99.1',
    ],
    [
      'mapped from IPv4',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:10.1.2.3',
      '::ffff:a9fe:a9fe',
      '0:0:0:0:0:ffff:c0a8:1',
    ],
    ['translated to IPv4', '64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b:1::1', '2002:7f00:1::', '2001:0:a00::1'],
    ['not an address', '', 'localhost', '1.2.3', '1.2.3.4.5', '[::1]'],
  ])('that is %s is not public', (_kind, ...addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([])
  })
})

describe('a URL', () => {
  const problem = (url: string, networks: readonly string[] = []) =>
    createAddressGuard(networks).problemOf(new URL(url))

  it.each([
    'https://127.0.0.1/',
    'https://localhost/',
    'https://api.localhost/',
    'https://[::1]:8443/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/',
    'https://[fd00:ec2::254]/',
    'https://0/',
  ])('%s is refused at once', (url) => {
    expect(problem(url)).toMatch(/public address/)
  })

  it('needs https, except in a private network that is allowed', () => {
    expect(problem('http://app.example/')).toMatch(/https/)
    expect(problem('http://1.1.1.1/')).toMatch(/https/)
    expect(problem('https://app.example/')).toBeNull()
    expect(problem('https://1.1.1.1/')).toBeNull()
    expect(problem('http://10.1.2.3/', ['10.0.0.0/8'])).toBeNull()
    expect(problem('http://[::ffff:10.1.2.3]/', ['10.0.0.0/8'])).toBeNull()
    expect(problem('http://11.1.2.3/', ['10.0.0.0/8'])).toMatch(/https/)
    expect(problem('http://192.168.0.1/', ['10.0.0.0/8'])).toMatch(/public address/)
    // Where the name leads is checked when it is called.
    expect(problem('http://receiver.internal/', ['10.0.0.0/8'])).toBeNull()
  })
})

describe('a connection', () => {
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await startReceiver('0.0.0.0')
    // Each request opens a connection, and resolves the name again.
    receiver.answer(status(200, { connection: 'close' }))
  })
  afterAll(() => receiver.close())

  /** A resolver that returns these addresses, one list for each call. */
  const resolver = (...lists: readonly (readonly string[])[]) => {
    let calls = 0
    const lookup = (_name: string, _options: unknown, callback: (error: null, found: unknown) => void) =>
      callback(
        null,
        lists[calls++]?.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
    return lookup as unknown as typeof dns.lookup
  }
  const codeOf = async (networks: readonly string[], url: string, lookup?: typeof dns.lookup) => {
    const guard = createAddressGuard(networks, lookup)
    return call(guard, url)
  }
  const call = async (guard: ReturnType<typeof createAddressGuard>, url: string) => {
    try {
      const answer = await guard.fetch(url, {
        method: 'POST',
        headers: {},
        body: '{}',
        signal: AbortSignal.timeout(5_000),
        redirect: 'manual',
      })
      for await (const _chunk of answer.body ?? []) void _chunk
      return answer.status
    } catch (error) {
      return (error as NodeJS.ErrnoException).code
    }
  }

  it('is not opened to a name that DNS cannot have, at which OpenSSL and Web Crypto would end the process', async () => {
    const guard = createAddressGuard(['127.0.0.0/8'], resolver(['127.0.0.1'], ['127.0.0.1']))
    const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt'])
    for (const name of [`${'a'.repeat(300)}.example`, `${'abc.'.repeat(70)}example`]) {
      expect(await call(guard, `https://${name}:${receiver.port}/`)).toBe('ERR_ADDRESS_NOT_ALLOWED')
      await crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, key, new Uint8Array(9))
    }
  })

  it('is opened to an allowed address only, whatever way the address is written', async () => {
    const before = receiver.requests.length
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost', '0.0.0.0', '127.1']) {
      expect([host, await codeOf([], `http://${host}:${receiver.port}/`)]).toEqual([host, 'ERR_ADDRESS_NOT_ALLOWED'])
      expect([host, await codeOf(['10.0.0.0/8'], `https://${host}:${receiver.port}/`)]).toEqual([
        host,
        'ERR_ADDRESS_NOT_ALLOWED',
      ])
    }
    expect(receiver.requests).toHaveLength(before)
    expect(await codeOf(['127.0.0.0/8'], `http://127.0.0.1:${receiver.port}/`)).toBe(200)
    expect(await codeOf(['127.0.0.0/8', '::1'], `http://localhost:${receiver.port}/`)).toBe(200)
  })

  it('is checked again when a name resolves to another address', async () => {
    const guard = createAddressGuard(['127.0.0.1'], resolver(['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1']))
    const url = `http://receiver.example:${receiver.port}/`
    expect(await call(guard, url)).toBe(200)
    expect(await call(guard, url)).toBe('ERR_ADDRESS_NOT_ALLOWED')
    expect(await call(guard, url)).toBe(200)
  })

  it('is opened to the allowed ones of several addresses', async () => {
    const url = `http://receiver.example:${receiver.port}/`
    const before = receiver.requests.length
    expect(await codeOf(['127.0.0.2'], url, resolver(['127.0.0.1', '::1', '127.0.0.2']))).toBe(200)
    expect(await codeOf(['127.0.0.2'], url, resolver(['127.0.0.1', '::ffff:127.0.0.1', '::1']))).toBe(
      'ERR_ADDRESS_NOT_ALLOWED',
    )
    expect(receiver.requests).toHaveLength(before + 1)
  })

  it('to a public address is not opened without TLS', async () => {
    expect(await codeOf(['127.0.0.1'], 'http://receiver.example/', resolver(['1.1.1.1']))).toBe(
      'ERR_ADDRESS_NOT_ALLOWED',
    )
  })
})
