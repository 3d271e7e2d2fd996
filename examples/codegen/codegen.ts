import type { CodegenConfig } from '@graphql-codegen/cli'

const config: CodegenConfig = {
  schema: './node_modules/valetkey/schema.graphql',
  documents: 'src/*.ts',
  ignoreNoDocuments: true,
  generates: {
    './src/gql/': {
      preset: 'client',
      config: {
        documentMode: 'string',
        useTypeImports: true,
        enumsAsTypes: true,
        importExtension: '.js',
        strictScalars: true,
        scalars: { DateTime: 'string', JSON: 'unknown', JSONObject: 'Record<string, unknown>', URL: 'string' },
      },
    },
    // Which types an interface or a union has, for the caches of Apollo Client and urql.
    './src/gql/possible-types.ts': { plugins: ['fragment-matcher'] },
  },
}

export default config
