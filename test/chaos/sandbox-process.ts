import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type RunningSandbox, sandboxAt } from '../sandbox/support.ts'

const main = fileURLToPath(new URL('../../dist/sandbox/main.js', import.meta.url))

/** Starts the sandbox in a process of its own, as a provider is: whatever a node does to itself leaves it alone. */
export async function startSandboxProcess(): Promise<RunningSandbox> {
  const child = spawn(process.execPath, [main, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
      const address = /^Notion sandbox on (\S+)$/m.exec(said)?.[1]
      if (address) resolve(address)
    })
    gone.then(() => reject(new Error(`The sandbox did not start: ${said}`)), reject)
  })
  return {
    ...sandboxAt(url),
    async close() {
      child.kill('SIGKILL')
      await gone
    },
  }
}
