#!/usr/bin/env node
/*
 * The command `valetkey` of the package: without arguments the server, otherwise one of the operator's commands.
 */
await import(process.argv.length > 2 ? './cli/main.ts' : './main.ts')

export {}
