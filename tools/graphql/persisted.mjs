// Usage: node persisted.mjs CLIENT URL METHOD
// Sends one query twice with a real client, first unknown to the server, then known, and one that does
// not validate; METHOD is how it sends hashes, GET or POST. Prints one line of JSON: the outcomes, and
// the requests that went over the wire.
import { ApolloClient, ApolloLink, gql as apolloGql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange, gql } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createHash } from 'node:crypto';

const [name, url, method] = process.argv.slice(2);
const wire = [];

async function spy(input, init = {}) {
  const response = await fetch(input, init);
  const sent = new URL(input);
  const body = init.body ? JSON.parse(init.body) : Object.fromEntries(sent.searchParams);
  wire.push({ method: init.method ?? 'GET', text: Boolean(body.query), hash: Boolean(body.extensions), status: response.status });
  return response;
}

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

// How each client runs a document: { data, errors }, errors by code.
const clients = {
  apollo() {
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.from([
        new PersistedQueryLink({ sha256, useGETForHashedQueries: method === 'GET' }),
        new HttpLink({ uri: url, fetch: spy }),
      ]),
    });
    return async (text) => {
      const { data, error } = await client.query({ query: apolloGql(text), fetchPolicy: 'network-only', errorPolicy: 'all' });
      return { data, errors: error ? (error.errors ?? [error]).map((e) => e.extensions?.code ?? String(e)) : [] };
    };
  },
  urql() {
    const client = new Client({
      url,
      fetch: spy,
      preferGetMethod: false,
      requestPolicy: 'network-only',
      exchanges: [persistedExchange({ preferGetForPersistedQueries: method === 'GET' }), fetchExchange],
    });
    return async (text) => {
      const { data, error } = await client.query(gql(text), {}).toPromise();
      return { data, errors: error ? (error.graphQLErrors.length ? error.graphQLErrors.map((e) => e.extensions?.code) : [String(error)]) : [] };
    };
  },
};

const run = clients[name]();
const outcomes = [];
for (const text of ['query Twice { hello }', 'query Twice { hello }', 'query Invalid { hello nobody }', 'query Partial { hello fail(how: FAULT) }']) {
  outcomes.push(await run(text));
}
console.log(JSON.stringify({ outcomes, wire }));
process.exit(0);
