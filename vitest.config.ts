import { resolve } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'

/**
 * Tests that use only what they create, and stop all of it: their files share two processes, because loading the server takes
 * two seconds of CPU time. Three files of the sandbox start programs, or measure the memory of the process.
 */
const sharing = [
  'test/{authorization,environments,notion,primitives,reference,search}/**/*.test.ts',
  'test/sandbox/**/!(bulk|consent-browser|main).test.ts',
]

const limits = {
  // Against hanging, not for speed: a busy machine takes its time, and no test may fail for that.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 60_000 } },
}

// As Node resolves it, and so do its users among the dependencies: a second copy refuses the types of the first.
const alias = [
  { find: /^graphql$/, replacement: 'graphql/index.js' },
  { find: '@mastra/core/tools', replacement: resolve(import.meta.dirname, 'test/client/stand-ins/mastra-core.ts') },
]

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 2,
    // Vitest starts them in the order of their names: the longest have their own process, and at the end would leave a core idle.
    projects: [
      {
        resolve: { alias },
        test: {
          ...limits,
          name: 'own process',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...sharing],
        },
      },
      {
        resolve: { alias },
        test: { ...limits, name: 'shared process', include: sharing, isolate: false },
      },
    ],
  },
})
