import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // As Node resolves it, and so do its users among the dependencies: a second copy refuses the types of the first.
  resolve: {
    alias: [
      { find: /^graphql$/, replacement: 'graphql/index.js' },
      { find: '@mastra/core/tools', replacement: resolve(import.meta.dirname, 'test/client/stand-ins/mastra-core.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Against hanging, not for speed: a busy machine takes its time, and no test may fail for that.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 2,
  },
})
