import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { createAddresses } from '../../addresses.ts'
import { isLoopback } from '../../application-url.ts'
import { systemClock } from '../../clock.ts'
import type { Config } from '../../config.ts'
import { connectors } from '../../connectors.ts'
import { pingRedis } from '../../db/redis.ts'
import { providerUrl } from '../../provider-urls.ts'
import type { Secret } from '../../vault/secret.ts'
import { installationProof } from '../../vault/server-secret.ts'
import { latency } from './database-checks.ts'
import { error, type Finding, milliseconds, ok, reasonOf, warning } from './finding.ts'

/** What a server answers at /health. */
type Health =
  | { readonly kind: 'answers'; readonly proof: string | null }
  | { readonly kind: 'other'; readonly status: number }
  | { readonly kind: 'silent'; readonly reason: string }

/** Longer answers are not Valetkey's. Characters. */
const maxAnswer = 10_000

async function askHealth(url: string, challenge: string, signal: AbortSignal): Promise<Health> {
  try {
    const response = await fetch(`${url}/health?challenge=${challenge}`, { signal, redirect: 'manual' })
    const text = (await response.text()).slice(0, maxAnswer)
    const body = response.ok && text.startsWith('{') ? (JSON.parse(text) as { status?: unknown; proof?: unknown }) : {}
    if (body.status !== 'ok') return { kind: 'other', status: response.status }
    return { kind: 'answers', proof: typeof body.proof === 'string' ? body.proof : null }
  } catch (cause) {
    return { kind: 'silent', reason: reasonOf(cause) }
  }
}

/** Asks the server of this configuration on this machine. `isRunning` is what other checks depend on. */
export async function localServer(
  config: Config,
  signal: AbortSignal,
): Promise<{ readonly findings: readonly Finding[]; readonly isRunning: boolean }> {
  const check = 'server'
  if (config.port === 0) return { findings: [ok(check, 'PORT is 0: not asked.')], isRunning: false }
  const url = createAddresses(config).localUrl()
  const health = await askHealth(url, randomBytes(32).toString('base64url'), signal)
  if (health.kind === 'silent') return { findings: [ok(check, `None runs at ${url}.`)], isRunning: false }
  if (health.kind === 'other') {
    const message = `Another program answers at ${url} (status ${health.status}).`
    return { findings: [error(check, message, 'Set PORT to a free port, or stop that program.')], isRunning: false }
  }
  const ready = await fetch(`${url}/ready`, { signal }).catch(() => null)
  await ready?.body?.cancel()
  if (ready?.status === 200) return { findings: [ok(check, `It runs at ${url} and is ready.`)], isRunning: true }
  const message = `It runs at ${url} and is not ready: it cannot write to its database.`
  return {
    findings: [error(check, message, 'Check the database; the log of the server has the reason.')],
    isRunning: true,
  }
}

/**
 * Asks PUBLIC_URL for this installation. `key` is the secret of the installation, which its database holds; null: a server
 * that answers may be another one.
 */
export async function publicUrl(
  { publicUrl: url, environment }: Config,
  options: { readonly key: Secret | null; readonly isRunning: boolean },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const check = 'public url'
  if (url === null) {
    const message = 'PUBLIC_URL is not set: links and redirect URIs point to localhost.'
    if (environment !== 'production') return [ok(check, message)]
    return [warning(check, message, 'Set PUBLIC_URL to the https URL that browsers use.')]
  }
  const findings: Finding[] = []
  const { protocol, hostname, port } = new URL(url)
  if (protocol === 'https:') findings.push(await certificate(hostname, Number(port || 443), signal))
  else if (!isLoopback(hostname))
    findings.push(
      warning(
        check,
        `${url} is not https: links and callbacks contain one-time tokens.`,
        'Set PUBLIC_URL to an https URL.',
      ),
    )
  const challenge = randomBytes(32).toString('base64url')
  const health = await askHealth(url, challenge, signal)
  if (health.kind === 'answers') {
    if (options.key === null || health.proof === null)
      return [...findings, ok(check, `A Valetkey server answers at ${url}.`)]
    const isThis = health.proof === installationProof(options.key, challenge)
    return [
      ...findings,
      isThis
        ? ok(check, `${url} leads to this installation.`)
        : error(
            check,
            `${url} leads to another installation.`,
            'Set PUBLIC_URL to the URL of this one, or correct the proxy.',
          ),
    ]
  }
  const what = health.kind === 'silent' ? `does not answer (${health.reason})` : `answers with status ${health.status}`
  const fix = 'Check DNS, the proxy and the certificate; the proxy must forward /health.'
  if (options.isRunning) return [...findings, error(check, `${url} ${what}.`, fix)]
  return [
    ...findings,
    warning(check, `${url} ${what}, and no server runs on this machine.`, `Start the server. ${fix}`),
  ]
}

const dayMs = 86_400_000

/** Checks the certificate of a server by what it is, whether or not it is trusted. */
function certificate(host: string, port: number, signal: AbortSignal): Promise<Finding> {
  const check = 'certificate'
  const name = host.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = connect({
      host: name,
      port,
      rejectUnauthorized: false,
      ...(isIP(name) === 0 && { servername: name }),
    })
    const end = (finding: Finding) => {
      socket.destroy()
      resolve(finding)
    }
    const unreachable = (reason: string) =>
      warning(check, `No TLS connection to ${host}:${port} (${reason}).`, 'Check DNS, the firewall and the proxy.')
    signal.addEventListener('abort', () => end(unreachable('no answer in time')), { once: true })
    socket.once('error', (cause) => end(unreachable(reasonOf(cause))))
    socket.once('secureConnect', () => {
      const until = new Date(socket.getPeerCertificate().valid_to)
      const days = Math.floor((until.getTime() - systemClock.date().getTime()) / dayMs)
      if (!socket.authorized) {
        const message = `Browsers do not trust the certificate of ${host} (${String(socket.authorizationError)}).`
        return end(error(check, message, 'Install a valid certificate with its intermediate certificates.'))
      }
      const message = `The certificate of ${host} is valid until ${until.toISOString().slice(0, 10)}.`
      return end(days < 14 ? warning(check, message, 'Renew it.') : ok(check, message))
    })
  })
}

/** Checks that Redis answers. */
export async function redis({ redisUrl }: Config, signal: AbortSignal): Promise<readonly Finding[]> {
  if (redisUrl === null) return [ok('redis', 'REDIS_URL is not set.')]
  try {
    return [latency('redis', await pingRedis(redisUrl, 9, signal))]
  } catch (cause) {
    const reason = reasonOf(cause)
    if (/^(?:WRONGPASS|NOAUTH|NOPERM)\b/.test(reason)) {
      const message = `Redis refuses the connection (${reason}): Postgres does the work of Redis.`
      return [warning('redis', message, 'Correct the user and the password in REDIS_URL.')]
    }
    const message = `REDIS_URL does not answer (${reason}): Postgres does the work of Redis.`
    return [warning('redis', message, 'Check that it runs, and that host, name and password are correct.')]
  }
}

/** Checks that the APIs of the providers can be reached. Any answer to a request without a credential shows that. */
export async function providers(config: Config, isAsked: boolean, signal: AbortSignal): Promise<readonly Finding[]> {
  return Promise.all(
    connectors.map(async ({ slug, name }) => {
      if (!isAsked) return ok(slug, `${name} is not asked with the sandbox on. Add --online to ask it.`)
      const url = providerUrl(config, connectors, { connector: slug, sandbox: false }, () => '')
      const began = performance.now()
      try {
        const { status, body } = await fetch(`${url}/v1/users/me`, { signal, redirect: 'manual' })
        await body?.cancel()
        const took = milliseconds(performance.now() - began)
        if (status < 500) return ok(slug, `${url} answers within ${took}.`)
        return warning(
          slug,
          `${url} answers with status ${status}.`,
          `Try again later; look at the status page of ${name}.`,
        )
      } catch (cause) {
        const fix = `Allow connections from this machine to ${new URL(url).origin}.`
        return error(slug, `${url} does not answer (${reasonOf(cause)}).`, fix)
      }
    }),
  )
}
