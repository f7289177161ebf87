// graphql-eslint's recommended and Relay rules for the schema. A rule that contradicts the API's contract
// is switched off, or told its exceptions, with the reason.
import graphql from '@graphql-eslint/eslint-plugin';

export default [
  {
    files: ['**/*.graphqls'],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: './schema.graphqls' } },
    },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,

      // The rule wants one style for all. Here a description of one line stands between quotes and one of
      // several lines between triple quotes, which GraphQL's grammar leaves no other way to write.
      '@graphql-eslint/description-style': 'off',

      // The contract gives every connection `nodes` beside `edges`, and lists that cannot grow, such as
      // `userErrors`, are plain. That an edge's node is a Node is still checked.
      '@graphql-eslint/relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],

      // These are no things of their own but values of one, answers or errors: nobody refers to them by an id.
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            suffixes: ['Payload', 'Connection', 'Edge', 'Error'],
            types: [
              'AccountLimits', 'Actor', 'Allowance', 'CreditCost', 'CreditEstimate', 'CreditProblem', 'CreditVerification', 'Credits',
              'CreditRunOut', 'CreditTransactionGrant', 'CreditUsage', 'CreditsChanged', 'CreditsLow', 'InvitationPreview',
              'Checkout', 'InvoiceLine', 'InvoiceParty', 'Money', 'PageInfo', 'PaymentApproval', 'PaymentChanged', 'PendingPlanChange', 'PlanChange', 'PlanMisfit',
              'RateLimit', 'Session', 'SiteBudget', 'SiteSynced', 'StripeDrift', 'StripePush', 'TestClock', 'Viewer', 'WordPressLink',
            ],
          },
        },
      ],

      // On top of the two sets: everything is described, not only types and root fields.
      '@graphql-eslint/require-description': [
        'error',
        {
          types: true, rootField: true, DirectiveDefinition: true, EnumValueDefinition: true, FieldDefinition: true, InputValueDefinition: true,
        },
      ],
    },
  },
];
