import { cacheExchange, Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { persistedExchange } from '@urql/exchange-persisted';
import { retryExchange } from '@urql/exchange-retry';
import { createClient } from 'graphql-sse';
import { ATTEMPTS, codesOf, hasIdempotencyKey, retryDelay } from '../problems.js';
import type { Session } from '../session.js';

/** The token that a request was sent with. */
function tokenOf(request: RequestInit | undefined): string {
  return new Headers(request?.headers).get('authorization')?.replace(/^Bearer /, '') ?? '';
}

/** A client of the service, and how to end it. */
export function createUrql(url: string, session: Session): { client: Client; close: () => void } {
  const events = createClient({
    url,
    headers: async () => ({ authorization: `Bearer ${await session.accessToken()}` }),
    // A stream that is refused comes back by itself, and then with another token.
    fetchFn: async (input: string, init: RequestInit) => {
      const response = await fetch(input, init);
      if (response.status === 401) {
        session.doubt(tokenOf(init));
      }
      return response;
    },
    retryAttempts: Number.POSITIVE_INFINITY,
  });
  const client = new Client({
    url,
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      retryExchange({
        maxNumberAttempts: ATTEMPTS,
        initialDelayMs: 500,
        randomDelay: true,
        // The idempotency key stays the same: it is in the variables, which are sent again as they are.
        retryIf: (error, operation) =>
          retryDelay(
            error.networkError ? null : error.graphQLErrors,
            operation.kind === 'query' || hasIdempotencyKey(operation.variables ?? undefined),
            1,
          ) !== null,
      }),
      authExchange(async (utilities) => {
        let token = await session.accessToken();
        let refused = token;
        return {
          addAuthToOperation: (operation) => utilities.appendHeaders(operation, { authorization: `Bearer ${token}` }),
          didAuthError: (error, operation) => {
            if (!codesOf(error.graphQLErrors).includes('UNAUTHENTICATED')) {
              return false;
            }
            // A refusal may come after another one has led to a fresh token, which it says nothing against.
            const { fetchOptions } = operation.context;
            refused = tokenOf(typeof fetchOptions === 'function' ? fetchOptions() : fetchOptions);
            return true;
          },
          refreshAuth: async () => {
            token = await session.refresh(refused);
          },
        };
      }),
      persistedExchange({ preferGetForPersistedQueries: false }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({ unsubscribe: events.subscribe({ query, variables: variables as Record<string, unknown> }, sink) }),
        }),
      }),
    ],
  });
  return { client, close: () => events.dispose() };
}
