import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'

/** Returns the schema in the definition language, sorted, as in schema.graphql. */
export const printSorted = (schema: GraphQLSchema): string => `${printSchema(lexicographicSortSchema(schema))}\n`
