/* eslint-disable */
import * as types from './graphql.js';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "mutation LogIn($input: LogInInput!) {\n  logIn(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation RefreshSession($input: RefreshSessionInput!) {\n  refreshSession(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nfragment Tokens on Session {\n  accessToken\n  refreshToken\n  expiresAt\n}\n\nfragment Problem on UserError {\n  __typename\n  code\n  field\n  message\n  ... on InsufficientCreditsError {\n    required\n    available\n  }\n  ... on PlanLimitError {\n    limit\n    used\n  }\n}\n\nquery Me {\n  viewer {\n    role\n    account {\n      id\n      name\n      plan {\n        slug\n      }\n    }\n  }\n}\n\nquery SitesPage($first: Int!, $after: String) {\n  sites(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        id\n        name\n        domain\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nmutation CreateSite($input: CreateSiteInput!) {\n  createSite(input: $input) {\n    site {\n      id\n      name\n      domain\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation SpendCredits($input: SpendCreditsInput!) {\n  spendCredits(input: $input) {\n    transaction {\n      id\n      seq\n      amount\n      balanceAfter\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nquery Plans {\n  plans {\n    slug\n    name\n    price {\n      amount\n      currencyCode\n    }\n  }\n}\n\n\"A dashboard of which one part is not for everybody: the queue is for staff.\"\nquery Dashboard {\n  viewer {\n    role\n  }\n  paymentQueue(first: 1) {\n    nodes {\n      id\n    }\n  }\n}\n\nsubscription CreditsChanged {\n  creditsChanged {\n    credits {\n      available\n    }\n    lastSeq\n  }\n}": typeof types.LogInDocument,
};
const documents: Documents = {
    "mutation LogIn($input: LogInInput!) {\n  logIn(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation RefreshSession($input: RefreshSessionInput!) {\n  refreshSession(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nfragment Tokens on Session {\n  accessToken\n  refreshToken\n  expiresAt\n}\n\nfragment Problem on UserError {\n  __typename\n  code\n  field\n  message\n  ... on InsufficientCreditsError {\n    required\n    available\n  }\n  ... on PlanLimitError {\n    limit\n    used\n  }\n}\n\nquery Me {\n  viewer {\n    role\n    account {\n      id\n      name\n      plan {\n        slug\n      }\n    }\n  }\n}\n\nquery SitesPage($first: Int!, $after: String) {\n  sites(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        id\n        name\n        domain\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nmutation CreateSite($input: CreateSiteInput!) {\n  createSite(input: $input) {\n    site {\n      id\n      name\n      domain\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation SpendCredits($input: SpendCreditsInput!) {\n  spendCredits(input: $input) {\n    transaction {\n      id\n      seq\n      amount\n      balanceAfter\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nquery Plans {\n  plans {\n    slug\n    name\n    price {\n      amount\n      currencyCode\n    }\n  }\n}\n\n\"A dashboard of which one part is not for everybody: the queue is for staff.\"\nquery Dashboard {\n  viewer {\n    role\n  }\n  paymentQueue(first: 1) {\n    nodes {\n      id\n    }\n  }\n}\n\nsubscription CreditsChanged {\n  creditsChanged {\n    credits {\n      available\n    }\n    lastSeq\n  }\n}": types.LogInDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation LogIn($input: LogInInput!) {\n  logIn(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation RefreshSession($input: RefreshSessionInput!) {\n  refreshSession(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nfragment Tokens on Session {\n  accessToken\n  refreshToken\n  expiresAt\n}\n\nfragment Problem on UserError {\n  __typename\n  code\n  field\n  message\n  ... on InsufficientCreditsError {\n    required\n    available\n  }\n  ... on PlanLimitError {\n    limit\n    used\n  }\n}\n\nquery Me {\n  viewer {\n    role\n    account {\n      id\n      name\n      plan {\n        slug\n      }\n    }\n  }\n}\n\nquery SitesPage($first: Int!, $after: String) {\n  sites(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        id\n        name\n        domain\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nmutation CreateSite($input: CreateSiteInput!) {\n  createSite(input: $input) {\n    site {\n      id\n      name\n      domain\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation SpendCredits($input: SpendCreditsInput!) {\n  spendCredits(input: $input) {\n    transaction {\n      id\n      seq\n      amount\n      balanceAfter\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nquery Plans {\n  plans {\n    slug\n    name\n    price {\n      amount\n      currencyCode\n    }\n  }\n}\n\n\"A dashboard of which one part is not for everybody: the queue is for staff.\"\nquery Dashboard {\n  viewer {\n    role\n  }\n  paymentQueue(first: 1) {\n    nodes {\n      id\n    }\n  }\n}\n\nsubscription CreditsChanged {\n  creditsChanged {\n    credits {\n      available\n    }\n    lastSeq\n  }\n}"): (typeof documents)["mutation LogIn($input: LogInInput!) {\n  logIn(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation RefreshSession($input: RefreshSessionInput!) {\n  refreshSession(input: $input) {\n    session {\n      ...Tokens\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nfragment Tokens on Session {\n  accessToken\n  refreshToken\n  expiresAt\n}\n\nfragment Problem on UserError {\n  __typename\n  code\n  field\n  message\n  ... on InsufficientCreditsError {\n    required\n    available\n  }\n  ... on PlanLimitError {\n    limit\n    used\n  }\n}\n\nquery Me {\n  viewer {\n    role\n    account {\n      id\n      name\n      plan {\n        slug\n      }\n    }\n  }\n}\n\nquery SitesPage($first: Int!, $after: String) {\n  sites(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        id\n        name\n        domain\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nmutation CreateSite($input: CreateSiteInput!) {\n  createSite(input: $input) {\n    site {\n      id\n      name\n      domain\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nmutation SpendCredits($input: SpendCreditsInput!) {\n  spendCredits(input: $input) {\n    transaction {\n      id\n      seq\n      amount\n      balanceAfter\n    }\n    userErrors {\n      ...Problem\n    }\n  }\n}\n\nquery Plans {\n  plans {\n    slug\n    name\n    price {\n      amount\n      currencyCode\n    }\n  }\n}\n\n\"A dashboard of which one part is not for everybody: the queue is for staff.\"\nquery Dashboard {\n  viewer {\n    role\n  }\n  paymentQueue(first: 1) {\n    nodes {\n      id\n    }\n  }\n}\n\nsubscription CreditsChanged {\n  creditsChanged {\n    credits {\n      available\n    }\n    lastSeq\n  }\n}"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;