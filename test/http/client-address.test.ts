import { describe, expect, it } from 'vitest'
import { createClientAddress } from '../../src/http/client-address.ts'

const address = createClientAddress(['10.0.0.0/8', '192.0.2.1', 'fd00::/8'])

describe('the address of a client', () => {
  it.each([
    ['of no proxy', '198.51.100.7', '203.0.113.9', '198.51.100.7'],
    ['without a header', '10.0.0.1', null, '10.0.0.1'],
    ['behind a proxy', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['behind a proxy with an IPv4-mapped address', '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['behind several proxies', '10.0.0.1', '203.0.113.9, fd00::5, 192.0.2.1', '203.0.113.9'],
    ['that claims to be another', '10.0.0.1', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['that claims to be a proxy', '10.0.0.1', '198.51.100.1, 10.9.9.9, 203.0.113.9', '203.0.113.9'],
    ['that is itself in a trusted network', '10.0.0.1', '10.0.0.2', '10.0.0.2'],
    ['with a port', '10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['with IPv6', '10.0.0.1', '2001:db8::9', '2001:db8::9'],
    ['with IPv6 and a port', '10.0.0.1', '[2001:db8::9]:4711', '2001:db8::9'],
    ['that the proxy does not name', '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['with an empty header', '10.0.0.1', ' , ', '10.0.0.1'],
    ['with a host name', '10.0.0.1', 'evil.example', '10.0.0.1'],
    ['behind a proxy that is not trusted, named by one that is', '10.0.0.1', '203.0.113.9, 192.0.2.2', '192.0.2.2'],
  ])('%s is found', (_what, peer, forwardedFor, expected) => {
    expect(address(peer, forwardedFor)).toBe(expected)
  })

  it('is the one of the connection where no proxy is trusted', () => {
    expect(createClientAddress([])('127.0.0.1', '203.0.113.9')).toBe('127.0.0.1')
  })
})
