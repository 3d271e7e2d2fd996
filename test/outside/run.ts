import { spawn } from 'node:child_process'

/** Against hanging only: some programs wait between their requests. */
const deadlineMs = 10 * 60_000

/** Runs a program to its end and returns its output. Throws with the output when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: deadlineMs })
  let [output, errors] = ['', '']
  child.stdout.on('data', (part) => (output += String(part)))
  child.stderr.on('data', (part) => (errors += String(part)))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output.slice(-3000)}\n${errors.slice(-3000)}`)
  return output
}
