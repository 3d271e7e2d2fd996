import { readdir, readFile } from 'node:fs/promises'

/** What a process and its descendants have used so far. */
export interface Usage {
  /** User and system time in milliseconds, in steps of 10. */
  readonly cpuMs: number
  /** Resident memory in bytes. */
  readonly rssBytes: number
}

/** Linux reports times in ticks of 10 ms to user space, whatever the kernel's own frequency is (`man 5 proc`). */
const msPerTick = 10

/**
 * Reads the usage of a process with all its descendants (worker processes serve requests too) from `/proc`. Null on
 * systems without `/proc`.
 */
export async function usageOf(pid: number): Promise<Usage | null> {
  if (process.platform !== 'linux') return null
  const usages = await Promise.all((await withDescendants(pid)).map(ownUsage))
  return {
    cpuMs: usages.reduce((sum, usage) => sum + usage.cpuMs, 0),
    rssBytes: usages.reduce((sum, usage) => sum + usage.rssBytes, 0),
  }
}

async function ownUsage(pid: number): Promise<Usage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ])
  // The second field is the name in parentheses, which may contain blanks; utime and stime are the fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
    rssBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024,
  }
}

/** The process and its descendants that exist now. */
export async function withDescendants(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
  const descendants = await Promise.all(children.map((child) => withDescendants(child).catch(() => [])))
  return [pid, ...descendants.flat()]
}
