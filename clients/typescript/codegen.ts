import type { CodegenConfig } from '@graphql-codegen/cli';

// Types of the operations in src/operations.graphql, from the schema file. A scalar that is not named here
// fails the generation: strictScalars leaves nothing `any`.
const config: CodegenConfig = {
  schema: '../../schema.graphqls',
  documents: ['src/**/*.graphql'],
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        strictScalars: true,
        importExtension: '.js',
        emitLegacyCommonJSImports: false,
        useTypeImports: true,
        skipTypename: false,
        // Members are added to enums from time to time: clients have to be ready for one that they do not know.
        enumsAsTypes: true,
        futureProofEnums: true,
        avoidOptionals: { field: true, inputValue: false, object: false, defaultValue: false },
        scalars: {
          ID: 'string',
          // An instant as RFC 3339 has it, in UTC: new Date(text) reads it.
          DateTime: 'string',
          // A day, YYYY-MM-DD.
          Date: 'string',
          // Exact, which a number is not. Calculate with a library of decimals, or leave it to the server.
          Decimal: 'string',
          EmailAddress: 'string',
          URL: 'string',
          // Whatever JSON can say. Look before you use it.
          JSON: 'unknown',
        },
      },
    },
    // Which types an interface has: without it Apollo's cache drops what fragments on UserError select.
    'src/gql/possibleTypes.ts': {
      plugins: ['fragment-matcher'],
      config: { useExplicitTyping: true },
    },
  },
};

export default config;
