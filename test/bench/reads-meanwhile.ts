import type { Measured } from './calling.ts'
import type { LoadQuestion } from './processes/load.ts'
import { measureInRounds, type Series, type Way } from './rounds.ts'
import type { Process, Run } from './run.ts'
import { readRequests, type Valetkey } from './valetkey.ts'

/** Calls at a time. More would use all processors, and any other work would slow them down. */
const callers = 2

/** Reads of the accounts below a number, to compare those during other work of the server with those before it. */
export async function measureReads(
  run: Run,
  of: {
    readonly name: string
    readonly server: Valetkey
    readonly load: Process
    readonly accounts: number
    readonly rounds: number
    readonly seconds: number
    readonly warmUpSeconds: number
  },
): Promise<Series> {
  const { name, server, load, accounts, rounds, seconds, warmUpSeconds } = of
  const requests = readRequests(server, accounts)
  const way: Way = {
    name,
    pid: server.process.pid,
    measure: (measured) => load.ask<Measured>({ ...measured, requests } satisfies LoadQuestion),
  }
  const { series } = await measureInRounds(run, [{ callers, ways: [way] }], {
    rounds,
    measured: { seconds, calls: 1 },
    warmUp: { callers, seconds: warmUpSeconds, calls: 1 },
    helpers: [],
  })
  const [reads] = series
  if (reads === undefined) throw new Error('Reads were not measured.')
  return reads
}
