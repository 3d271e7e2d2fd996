import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whether the system can issue certificates. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0

if (!hasOpenssl) process.stderr.write('Not run: Postgres over TLS. Install openssl.\n')

/** A private key and its certificate, as PEM. */
export interface Certificate {
  readonly key: string
  readonly certificate: string
}

/** Issues a self-signed certificate for a host name. */
export function selfSigned(host: string): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'valetkey-certificate-'))
  try {
    const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(directory, name)) as [string, string]
    const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-days', '30']
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', ...subject]
    execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
    return { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') }
  } finally {
    rmSync(directory, { recursive: true })
  }
}
