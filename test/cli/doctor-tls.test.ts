import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasOpenssl, selfSigned } from '../support/certificates.ts'
import { newPostgresDatabase } from '../support/database.ts'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { doctor } from './doctor-support.ts'

describe.skipIf(!hasOpenssl)('doctor, with a database over TLS', () => {
  let server: PostgresServer
  let directory: string
  let url: string
  /** Files with the certificate of the server, and with another one. */
  let authority: string
  let other: string
  beforeAll(async () => {
    const certificate = selfSigned('localhost')
    server = await startPostgresServer({ tls: certificate })
    url = server.url('postgres').replace('127.0.0.1', 'localhost')
    directory = await mkdtemp(join(tmpdir(), 'valetkey-doctor-tls-'))
    authority = join(directory, 'authority.pem')
    other = join(directory, 'other.pem')
    await writeFile(authority, certificate.certificate)
    await writeFile(other, selfSigned('localhost').certificate)
  })
  afterAll(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const found = async (databaseUrl: string) => {
    const env = { NODE_ENV: 'development', PORT: '0', VALETKEY_DATA_DIR: directory, DATABASE_URL: databaseUrl }
    const { code, of, fixOf } = await doctor(env)
    return { code, database: of('database').join(), fix: fixOf('database').join(), reached: of('pooling') }
  }

  it('finds nothing wrong where the URL names the authority, or asks for no verification', async () => {
    for (const query of [
      `sslmode=verify-full&sslrootcert=${authority}`,
      `sslmode=require&sslrootcert=${authority}`,
      'sslmode=require&uselibpqcompat=true',
      'sslmode=no-verify',
    ]) {
      const reached = ['ok: Sessions and notifications work through DATABASE_URL.']
      expect(await found(`${url}?${query}`), query).toMatchObject({ code: 0, database: '', reached })
    }
  })

  it.each([
    ['no authority', () => 'sslmode=verify-full'],
    ['no authority, with the mode require', () => 'sslmode=require'],
    ['another authority', () => `sslmode=verify-full&sslrootcert=${other}`],
  ])('reports a certificate that is not trusted: %s', async (_, query) => {
    const { code, database, fix } = await found(`${url}?${query()}`)
    expect(code).toBe(1)
    expect(database).toBe('error: The database at DATABASE_URL cannot be reached (self-signed certificate).')
    expect(fix).toMatch(
      /^Set sslrootcert in the URL to a file with the certificate of the authority .*sslmode=verify-full/,
    )
  })

  it('reports a certificate for another host name', async () => {
    const certificate = selfSigned('db.internal')
    const named = await startPostgresServer({ tls: certificate })
    try {
      await writeFile(join(directory, 'named.pem'), certificate.certificate)
      const at = named.url('postgres').replace('127.0.0.1', 'localhost')
      const { code, database, fix } = await found(`${at}?sslmode=verify-full&sslrootcert=${directory}/named.pem`)
      expect(code).toBe(1)
      expect(database).toMatch(
        /^error: .* cannot be reached \(Hostname\/IP does not match certificate's altnames: .*db\.internal/,
      )
      expect(fix).toBe('Set the host in the URL to a name that the certificate of the server has.')
    } finally {
      await named.stop()
    }
  })

  it.each(['', 'sslmode=disable'])('reports a server that requires TLS to a URL with "%s"', async (query) => {
    const { code, database, fix } = await found(`${url}?${query}`)
    expect(code).toBe(1)
    expect(database).toMatch(/^error: .* cannot be reached \(no pg_hba\.conf entry .*, no encryption\)/)
    expect(fix).toBe('Add sslmode=verify-full to the URL: the server may accept only encrypted connections.')
  })

  it('reports a server without TLS to a URL that requires it', async () => {
    const plain = await newPostgresDatabase()
    try {
      const { code, database, fix } = await found(`${plain.location.directUrl ?? plain.location.url}?sslmode=require`)
      expect(code).toBe(1)
      expect(database).toMatch(/^error: .* cannot be reached \(The server does not support SSL connections\)/)
      expect(fix).toBe('Set sslmode=disable in the URL, or configure the server for TLS.')
    } finally {
      await plain.drop()
    }
  })

  it.each(['/nowhere/authority.pem', tmpdir()])('reports a file of the URL that cannot be read: %s', async (file) => {
    const { code, database, fix } = await found(`${url}?sslmode=verify-full&sslrootcert=${file}`)
    expect(code).toBe(1)
    expect(database).toMatch(/^error: .* cannot be reached \((?:ENOENT|EISDIR): /)
    expect(fix).toBe('Check the files that sslrootcert, sslcert and sslkey in the URL name.')
  })

  it('reports the same of a replica', async () => {
    const env = { NODE_ENV: 'development', PORT: '0', VALETKEY_DATA_DIR: directory }
    const { code, of, fixOf } = await doctor({
      ...env,
      DATABASE_URL: `${url}?sslmode=verify-full&sslrootcert=${authority}`,
      DATABASE_REPLICA_URL: `${url}?sslmode=verify-full&sslrootcert=${other}`,
    })
    expect(code).toBe(0)
    expect(of('replica')).toEqual([
      'warning: DATABASE_REPLICA_URL does not answer (self-signed certificate): lists are read from the primary.',
    ])
    expect(fixOf('replica').join()).toMatch(/^Set sslrootcert in the URL/)
  })
})
